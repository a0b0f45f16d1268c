#ifndef FPHOST_FUZZER_H
#define FPHOST_FUZZER_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's own loop (compiler-rt, fuzzer/FuzzerInterface.h), for programs that bring their own main, as every
   program does that SwiftPM links. */
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*test)(const uint8_t *data, size_t size));

#endif
