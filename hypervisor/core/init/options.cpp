// SPDX-License-Identifier: MIT
// Options of Xen's that need nothing from us but to be known: what they ask for is always so here, or harmless.
#include "core/debug/printk.hpp"
#include "core/init/cmdline.hpp"
#include "lib/string.hpp"

namespace hv {

namespace {
bool accept(Option&, const char*, bool) { return true; }
constinit CustomOption placeholder("placeholder", accept); // GRUB's scripts put it in front
constinit CustomOption no_real_mode("no-real-mode", accept);
constinit CustomOption edd("edd", accept);
constinit CustomOption vga("vga", accept);
constinit CustomOption dom0("dom0", [](Option&, const char* value, bool) { return string_equal(value, "pv"); });
constinit CustomOption sched("sched", [](Option&, const char* value, bool negated) {
    if (negated || !*value) return false;
    if (!string_equal(value, "credit2")) log_info("sched={}: there is one scheduler, it answers as credit2", value);
    return true;
});
HV_OPTION(placeholder);
HV_OPTION(no_real_mode);
HV_OPTION(edd);
HV_OPTION(vga);
HV_OPTION(dom0);
HV_OPTION(sched);
} // namespace

} // namespace hv
