// Storage: one block of a device's memory, shared by the tensors that show it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <taper/core/device.h>
#include <taper/core/memory.h>

namespace taper {

class Storage {
  public:
    // Uninitialised, 64-byte aligned; counted under the current RoleScope.
    static std::shared_ptr<Storage> make(std::size_t bytes, const Device& device);
    ~Storage();
    Storage(const Storage&) = delete;
    Storage& operator=(const Storage&) = delete;

    void* data() { return data_; }
    const void* data() const { return data_; }
    std::size_t bytes() const { return bytes_; }
    const Device& device() const { return device_; }
    Role role() const { return role_; }
    void set_role(Role role);  // moves the count
    std::uint64_t version() const { return version_; }
    void raise_version() { ++version_; }

  private:
    Storage() = default;
    void* data_ = nullptr;
    std::size_t bytes_ = 0;
    Device device_;
    Role role_ = Role::other;
    std::uint64_t version_ = 0;
};

}  // namespace taper
