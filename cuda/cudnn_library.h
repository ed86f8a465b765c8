// The functions of cuDNN's graph API, found when they are first wanted: a build needs cuDNN's headers alone, and programs start without its libraries.
#pragma once

#include <cudnn_graph.h>

#include <cstdint>
#include <string>
#include <vector>

namespace taper::cuda {

struct CudnnLibrary {
    decltype(&cudnnCreate) create;
    decltype(&cudnnSetStream) set_stream;
    decltype(&cudnnGetErrorString) error_string;
    decltype(&cudnnBackendCreateDescriptor) create_descriptor;
    decltype(&cudnnBackendDestroyDescriptor) destroy_descriptor;
    decltype(&cudnnBackendFinalize) finalize;
    decltype(&cudnnBackendSetAttribute) set_attribute;
    decltype(&cudnnBackendGetAttribute) get_attribute;
    decltype(&cudnnBackendExecute) execute;

    void check(cudnnStatus_t status, const char* call, const std::string& what = {}) const;  // throws Error
};

const CudnnLibrary* cudnn_library();  // null where libcudnn.so.9 is not found: by the loader, or beside the toolkit of the build

// A descriptor; a failure is an Error.
class CudnnDescriptor {
  public:
    explicit CudnnDescriptor(cudnnBackendDescriptorType_t type);
    CudnnDescriptor(CudnnDescriptor&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
    CudnnDescriptor& operator=(CudnnDescriptor&&) = delete;
    ~CudnnDescriptor();

    cudnnBackendDescriptor_t handle() const { return handle_; }
    void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count, const void* values);
    template <class T>
    void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const T& value) {
        set(name, type, 1, &value);
    }
    void set(cudnnBackendAttributeName_t name, const std::vector<std::int64_t>& values) {
        set(name, CUDNN_TYPE_INT64, static_cast<std::int64_t>(values.size()), values.data());
    }
    void set(cudnnBackendAttributeName_t name, const CudnnDescriptor& value) { set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, value.handle_); }
    void finalize();
    // How many values came.
    std::int64_t get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count, void* values) const;

  private:
    cudnnBackendDescriptor_t handle_ = nullptr;
};

}  // namespace taper::cuda
