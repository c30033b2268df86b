// lsbc.h alone, and twice, in strict C++17; the functions link with C names.
#include "lsbc.h"
#include "lsbc.h"

int main() { return lsbc_version()[0] == '\0' ? 1 : 0; }
