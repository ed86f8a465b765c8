#include <taper/core/cpu/offsets.h>

#include <taper/core/cpu/parallel.h>

namespace taper::cpu {

Offsets::Offsets(const Grid& grid) : size_(grid.size()) {
    if (size_ == 0) return;
    const RoleScope role(Role::decoded);
    storage_ = Storage::make(static_cast<std::size_t>(size_) * sizeof(std::int64_t), Device());
    std::int64_t* const to = static_cast<std::int64_t*>(storage_->data());
    data_ = to;
    // The last axis first; each axis before it repeats what is there, moved on by its stride.
    to[0] = grid.first;
    std::int64_t filled = 1;
    for (int axis = grid.axes - 1; axis >= 0; --axis) {
        const std::int64_t size = grid.axis[axis].size, stride = grid.axis[axis].stride;
#pragma omp parallel for schedule(static) if (size * filled >= parallel_from)
        for (std::int64_t i = 1; i < size; ++i) {
            std::int64_t* const copy = to + i * filled;
            for (std::int64_t j = 0; j < filled; ++j) copy[j] = to[j] + i * stride;
        }
        filled *= size;
    }
}

}  // namespace taper::cpu
