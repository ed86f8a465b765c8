// The micro-benchmarks that Google Benchmark runs.
#pragma once

namespace taper::bench {

void register_micro_benchmarks();

}  // namespace taper::bench
