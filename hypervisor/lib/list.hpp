// SPDX-License-Identifier: MIT
// Intrusive doubly linked list. Membership lives in the element (a ListNode member), so insertion cannot fail.
#pragma once

#include "lib/assert.hpp"
#include "lib/types.hpp"

namespace hv {

struct ListNode {
    ListNode* prev = nullptr;
    ListNode* next = nullptr;
    [[nodiscard]] bool linked() const { return next != nullptr; }
};

template <typename T, ListNode T::*Member> class List : NoCopy {
  public:
    constexpr List() { head_.prev = head_.next = &head_; }

    [[nodiscard]] bool empty() const { return head_.next == &head_; }
    T* front() { return empty() ? nullptr : owner(head_.next); }
    T* back() { return empty() ? nullptr : owner(head_.prev); }
    void push_back(T& item) { insert(head_.prev, &head_, &(item.*Member)); }
    void push_front(T& item) { insert(&head_, head_.next, &(item.*Member)); }
    void insert_before(T& at, T& item) { insert((at.*Member).prev, &(at.*Member), &(item.*Member)); }
    static void remove(T& item) {
        ListNode& node = item.*Member;
        HV_ASSERT(node.linked());
        node.prev->next = node.next;
        node.next->prev = node.prev;
        node.prev = node.next = nullptr;
    }
    T* pop_front() {
        T* item = front();
        if (item) remove(*item);
        return item;
    }

    class Iterator {
      public:
        explicit Iterator(ListNode* at) : at_(at), next_(at->next) {}
        T& operator*() const { return *owner(at_); }
        T* operator->() const { return owner(at_); }
        Iterator& operator++() { // the successor was read before, so the current item may be removed
            at_ = next_;
            next_ = at_->next;
            return *this;
        }
        bool operator!=(const Iterator& other) const { return at_ != other.at_; }

      private:
        ListNode* at_;
        ListNode* next_;
    };
    Iterator begin() { return Iterator(head_.next); }
    Iterator end() { return Iterator(&head_); }

  private:
    static T* owner(ListNode* node) {
        const auto offset = reinterpret_cast<unsigned long>(&(reinterpret_cast<T*>(4096)->*Member)) - 4096;
        return reinterpret_cast<T*>(reinterpret_cast<unsigned long>(node) - offset);
    }
    static void insert(ListNode* prev, ListNode* next, ListNode* node) {
        HV_ASSERT(!node->linked());
        node->prev = prev;
        node->next = next;
        prev->next = next->prev = node;
    }
    ListNode head_;
};

} // namespace hv
