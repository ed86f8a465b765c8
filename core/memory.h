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
void reset_peak_memory();              // peaks start again at what is live

// What storages report: `bytes` more (negative: less) live under `role`.
void count_memory(Role role, std::int64_t bytes);
Role current_role();  // of this thread's new tensors

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

// On (the default): freed blocks are kept for reuse, since a training step asks for the same sizes again.  Off: what is kept goes back
// now, and every block as it is freed.
void set_memory_cache(bool on);

}  // namespace taper
