// What the runtime on host memory counts.
#pragma once

#include <cstddef>
#include <ostream>

namespace taper::cuda {

struct HostCounts {
    std::size_t reads = 0;   // that wait for the device
    std::size_t pieces = 0;  // of a OneLaunch, launched
    friend bool operator==(const HostCounts&, const HostCounts&) = default;
    friend std::ostream& operator<<(std::ostream& out, const HostCounts& c) { return out << c.reads << " reads, " << c.pieces << " pieces"; }
};
HostCounts& host_counts();

}  // namespace taper::cuda
