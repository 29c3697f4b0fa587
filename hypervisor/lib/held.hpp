// SPDX-License-Identifier: MIT
// A reference to something counted, which `put` gives back.
#pragma once

#include <utility>

namespace hv {

template <typename T, void (*put)(T&)> class [[nodiscard]] Held {
  public:
    Held() = default;
    explicit Held(T& object) : object_(&object) {} ///< a reference that the caller already holds
    Held(Held&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    Held& operator=(Held&& other) noexcept {
        T* object = std::exchange(other.object_, nullptr);
        reset();
        object_ = object;
        return *this;
    }
    ~Held() { reset(); }
    T& release() { return *std::exchange(object_, nullptr); } ///< the caller now holds the reference
    void reset() {
        if (object_) put(*object_); // NOLINT: the analyzer loses sight of what TRY moves out of its block
        object_ = nullptr;
    }
    explicit operator bool() const { return object_ != nullptr; }
    T& operator*() const { return *object_; }
    T* operator->() const { return object_; }

  private:
    T* object_ = nullptr;
};

} // namespace hv
