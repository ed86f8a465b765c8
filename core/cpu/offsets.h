// Offsets: where the elements of a grid lie, as a table; its memory comes from the backend's cache of blocks, since a step asks for the same again.
#pragma once

#include <cstdint>
#include <memory>

#include <taper/core/storage.h>
#include <taper/core/sum_shape.h>

namespace taper::cpu {

class Offsets {
  public:
    Offsets() = default;
    explicit Offsets(const Grid& grid);  // counted under Role::decoded

    std::int64_t size() const { return size_; }
    const std::int64_t* data() const { return data_; }
    std::int64_t operator[](std::int64_t i) const { return data_[i]; }

  private:
    std::shared_ptr<Storage> storage_;
    const std::int64_t* data_ = nullptr;
    std::int64_t size_ = 0;
};

}  // namespace taper::cpu
