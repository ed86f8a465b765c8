// SIGINT and SIGTERM as a polite request: a program finishes what it is at, saves, and leaves.
#pragma once

namespace taper::apps {

// Once, at the start of a program; a second signal of a kind ends it at once.  A file that outgrows a limit is an Error of its writer then, no signal.
void catch_stop_signals();
int stop_signal();          // 0, or the signal that came
// The exit code that shells give a program ended by the signal: 130 for SIGINT, 143 for SIGTERM.
inline int stop_exit_code() { return 128 + stop_signal(); }

}  // namespace taper::apps
