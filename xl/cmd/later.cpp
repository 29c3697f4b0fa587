// SPDX-License-Identifier: MIT
// Verbs of features that come later: known, with their texts, so that nobody takes them for a typing
// mistake; they say so and fail.
#include "xl/command.hpp"
#include "xl/help.hpp"

namespace hospes::cli {
namespace {

template <std::size_t length> struct Name {
    char text[length];
    constexpr Name(const char (&from)[length]) { // NOLINT: implicit by purpose
        for (std::size_t i = 0; i < length; ++i)
            text[i] = from[i];
    }
};

template <Name of> class LaterCommand final : public Command {
  public:
    static constexpr std::string_view verb = of.text;
    [[nodiscard]] std::string_view name() const override { return verb; }
    int run(Context&, std::span<const std::string>) override { return not_supported_yet(verb); }
};

template <Name... names> struct RegisterAll {
    RegisterAll() { (static_cast<void>(Register<LaterCommand<names>>()), ...); }
};

const RegisterAll<"save", "restore", "migrate", "migrate-receive", "remus"> moving;
const RegisterAll<"pci-attach", "pci-detach", "pci-list", "pci-assignable-add", "pci-assignable-remove",
                  "pci-assignable-list">
    pci;
const RegisterAll<"usbctrl-attach", "usbctrl-detach", "usbdev-attach", "usbdev-detach", "usb-list"> usb;
const RegisterAll<"cd-insert", "cd-eject", "qemu-monitor-command"> device_model;
const RegisterAll<"vtpm-attach", "vtpm-list", "vtpm-detach", "vkb-attach", "vkb-list", "vkb-detach", "vdispl-attach",
                  "vdispl-list", "vdispl-detach", "vsnd-attach", "vsnd-list", "vsnd-detach">
    other_devices;
const RegisterAll<"psr-hwinfo", "psr-cmt-attach", "psr-cmt-detach", "psr-cmt-show", "psr-cat-set", "psr-cat-show",
                  "psr-mba-set", "psr-mba-show">
    shared_resources;

} // namespace
} // namespace hospes::cli
