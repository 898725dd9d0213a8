#pragma once

// The few system calls that Swift cannot make itself: variadic ones, and those that must run on a thread of their own.
// Functions return 0 or a value on success and -errno on failure. No policy, no output.
