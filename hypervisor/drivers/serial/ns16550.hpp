// SPDX-License-Identifier: MIT
// ns16550-compatible serial port behind I/O ports (National Semiconductor PC16550D data sheet, section 8).
#pragma once

#include "lib/types.hpp"

namespace hv {

/// What com1=/com2= said: `<baud>|auto[,8n1[,<port>[,<irq>]]]`.
struct SerialConfig {
    u32 baud = 115200;      ///< 0: leave the speed that the firmware set
    u8 line_control = 0x03; ///< 8n1
    u16 port = 0x3f8;
    u8 irq = 4; ///< 0: none, poll
    bool given = false;
};
/// False: malformed, `out` is unchanged.
bool serial_parse(const char* text, SerialConfig& out);

/// One port. Not locked: the console's lock is.
class Ns16550 {
  public:
    bool init(const SerialConfig& config); ///< false: no UART answers there
    void enable_interrupts();              ///< received data raises the line
    [[nodiscard]] bool present() const { return port_ != 0; }
    void write(const char* text, usize length); ///< queues; sends what the FIFO takes now
    void pump();                                ///< sends more of the queue (timer or interrupt)
    void flush();                               ///< polls until the queue is empty
    bool read(char& out);                       ///< a received character, if any

  private:
    [[nodiscard]] u8 get(unsigned reg) const;
    void set(unsigned reg, u8 value) const;
    [[nodiscard]] bool transmitter_ready() const;
    static constexpr u32 queue_size = 16384, fifo_depth = 16;
    u16 port_ = 0;
    u32 head_ = 0, tail_ = 0;
    char queue_[queue_size] = {};
};

} // namespace hv
