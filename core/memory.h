// Live bytes of tensors, counted where they are taken, by what they are for.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace taper {

enum class Role : std::uint8_t { other, parameters, master, gradients, state, saved, indices, buffers, decoded };
inline constexpr int role_count = 9;
const char* name(Role role);

struct MemoryStatistics {
    std::array<std::int64_t, role_count> live{};  // requested bytes
    std::array<std::int64_t, role_count> peak{};  // since the last reset_peak_memory()
    std::int64_t live_total = 0, peak_total = 0;
    std::int64_t operator[](Role role) const { return live[static_cast<int>(role)]; }
};
MemoryStatistics memory_statistics();  // over all devices
void reset_peak_memory();

// While it lives, this thread's new tensors count as `role`.
class RoleScope {
  public:
    explicit RoleScope(Role role);
    ~RoleScope();
    RoleScope(const RoleScope&) = delete;
    RoleScope& operator=(const RoleScope&) = delete;

  private:
    Role before_;
};

// Freed blocks are kept for reuse (a training step asks for the same sizes again); off: every block goes back at once.
void set_memory_cache(bool on);

}  // namespace taper
