#include <taper/cuda/cudnn_library.h>

#include <dlfcn.h>

#include <optional>

#include <taper/formats/error.h>

namespace taper::cuda {

namespace {

template <class Function>
bool find(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    return function != nullptr;
}

std::optional<CudnnLibrary> load() {
    void* library = dlopen("libcudnn.so.9", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) library = dlopen(TAPER_CUDA_LIBRARIES "/libcudnn.so.9", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return {};
    CudnnLibrary f = {};
    const bool all = find(library, "cudnnCreate", f.create) && find(library, "cudnnSetStream", f.set_stream)
                     && find(library, "cudnnGetErrorString", f.error_string) && find(library, "cudnnBackendCreateDescriptor", f.create_descriptor)
                     && find(library, "cudnnBackendDestroyDescriptor", f.destroy_descriptor) && find(library, "cudnnBackendFinalize", f.finalize)
                     && find(library, "cudnnBackendSetAttribute", f.set_attribute) && find(library, "cudnnBackendGetAttribute", f.get_attribute)
                     && find(library, "cudnnBackendExecute", f.execute);
    if (!all) return {};
    return f;
}

const CudnnLibrary& loaded() { return *cudnn_library(); }

}  // namespace

const CudnnLibrary* cudnn_library() {
    static const std::optional<CudnnLibrary> library = load();
    return library ? &*library : nullptr;
}

void CudnnLibrary::check(cudnnStatus_t status, const char* call, const std::string& what) const {
    if (status != CUDNN_STATUS_SUCCESS) throw Error(std::string("cuda: ") + call + (what.empty() ? "" : " of " + what) + " failed: " + error_string(status));
}

CudnnDescriptor::CudnnDescriptor(cudnnBackendDescriptorType_t type) {
    loaded().check(loaded().create_descriptor(type, &handle_), "cudnnBackendCreateDescriptor");
}

CudnnDescriptor::~CudnnDescriptor() {
    if (handle_ != nullptr) (void)loaded().destroy_descriptor(handle_);
}

void CudnnDescriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count, const void* values) {
    loaded().check(loaded().set_attribute(handle_, name, type, count, values), "cudnnBackendSetAttribute", std::to_string(name));
}

void CudnnDescriptor::finalize() { loaded().check(loaded().finalize(handle_), "cudnnBackendFinalize"); }

std::int64_t CudnnDescriptor::get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count, void* values) const {
    std::int64_t came = 0;
    loaded().check(loaded().get_attribute(handle_, name, type, count, &came, values), "cudnnBackendGetAttribute", std::to_string(name));
    return came;
}

}  // namespace taper::cuda
