/* SPDX-License-Identifier: MIT */
/* First link: a symbol table without symbols. */
.section .hv_symbols, "a"
.globl hv_symbol_count, hv_symbol_addresses, hv_symbol_names
hv_symbol_count: .quad 0
hv_symbol_addresses:
hv_symbol_names:
