#include <taper/core/memory.h>

#include <atomic>

#include <taper/core/backend.h>

namespace taper {
namespace {

struct Counter {
    std::atomic<std::int64_t> live{0}, peak{0};

    void add(std::int64_t bytes) {
        const std::int64_t now = live.fetch_add(bytes) + bytes;
        std::int64_t before = peak.load();
        while (before < now && !peak.compare_exchange_weak(before, now)) {
        }
    }
};

Counter by_role[role_count];
Counter total;
thread_local Role role_of_thread = Role::other;

}  // namespace

const char* name(Role role) {
    switch (role) {
        case Role::other: return "other";
        case Role::parameters: return "parameters";
        case Role::master: return "master";
        case Role::gradients: return "gradients";
        case Role::state: return "state";
        case Role::saved: return "saved";
        case Role::indices: return "indices";
        case Role::buffers: return "buffers";
        case Role::decoded: return "decoded";
    }
    return "unknown";
}

MemoryStatistics memory_statistics() {
    MemoryStatistics result;
    for (int i = 0; i < role_count; ++i) {
        result.live[static_cast<std::size_t>(i)] = by_role[i].live.load();
        result.peak[static_cast<std::size_t>(i)] = by_role[i].peak.load();
    }
    result.live_total = total.live.load();
    result.peak_total = total.peak.load();
    return result;
}

void reset_peak_memory() {
    for (Counter& counter : by_role) counter.peak.store(counter.live.load());
    total.peak.store(total.live.load());
}

void count_memory(Role role, std::int64_t bytes) {
    by_role[static_cast<int>(role)].add(bytes);
    total.add(bytes);
}

Role current_role() { return role_of_thread; }

RoleScope::RoleScope(Role role) : before_(role_of_thread) { role_of_thread = role; }
RoleScope::~RoleScope() { role_of_thread = before_; }

void set_memory_cache(bool on) {
    cpu_backend()->keep_released(on);
    for (int i = 0; cuda_backend(i) != nullptr; ++i) cuda_backend(i)->keep_released(on);
}

}  // namespace taper
