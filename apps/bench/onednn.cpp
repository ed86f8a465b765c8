#include "onednn.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <vector>

#include <taper/formats/cpu_level.h>

namespace taper::bench {
namespace {

// Version 2's C interface, as far as it is used here.  Its descriptors are opaque: 696 and 5976 bytes in 2.6.
constexpr int f32 = 3, any_layout = 1, forward_training = 64, direct = 1, cpu_engine = 1, in_order = 1;
enum Query { source_md = 129, source_gradient_md, weights_md, weights_gradient_md, destination_md, destination_gradient_md };
enum Argument { source = 1, destination = 17, weights = 33, source_gradient = 129, destination_gradient = 145, weights_gradient = 161 };
struct alignas(16) MemoryDesc {
    std::byte bytes[1024];
};
struct alignas(16) ConvolutionDesc {
    std::byte bytes[16384];
};
struct ExecArg {
    int argument;
    void* memory;
};
using Dims = std::int64_t[12];

struct Library {
    void* handle = nullptr;

    Library() {
        constexpr int keep = 0;  // a setting of the user's
        if (cpu_level() != CpuLevel::avx512) setenv("ONEDNN_MAX_CPU_ISA", cpu_level() == CpuLevel::avx2 ? "AVX2" : "SSE41", keep);
        handle = dlopen("libdnnl.so.2", RTLD_NOW | RTLD_LOCAL);
    }
    template <class... Arguments>
    void call(const char* name, Arguments... arguments) const {
        const auto function = reinterpret_cast<int (*)(Arguments...)>(dlsym(handle, name));
        if (function == nullptr || function(arguments...) != 0) throw std::runtime_error(std::string("oneDNN: ") + name + " failed");
    }
    const MemoryDesc* query(void* primitive, int what) const {
        return reinterpret_cast<const MemoryDesc* (*)(void*, int, int)>(dlsym(handle, "dnnl_primitive_desc_query_md"))(primitive, what, 0);
    }
    std::size_t size(const MemoryDesc* desc) const {
        return reinterpret_cast<std::size_t (*)(const MemoryDesc*)>(dlsym(handle, "dnnl_memory_desc_get_size"))(desc);
    }
};

// Objects of oneDNN's live as long as the program: a bench makes a few dozen.
struct Convolution {
    const Library& library;
    void *engine = nullptr, *stream = nullptr, *primitive = nullptr;
    std::vector<ExecArg> arguments;
    std::vector<std::unique_ptr<std::vector<float>>> memory;

    Convolution(const Library& lib, const ConvShape& z, ConvPass pass) : library(lib) {
        library.call("dnnl_engine_create", &engine, cpu_engine, std::size_t{0});
        library.call("dnnl_stream_create", &stream, engine, static_cast<unsigned>(in_order));
        const MemoryDesc x = desc({z.images, z.channels, z.height, z.width}), w = desc({z.outputs, z.channels, z.kernel, z.kernel}),
                         y = desc({z.images, z.outputs, z.out_height(), z.out_width()});
        const Dims strides = {z.stride, z.stride}, padding = {z.padding, z.padding};
        const std::int64_t *s = strides, *p = padding;
        const MemoryDesc *px = &x, *pw = &w, *py = &y, *no_bias = nullptr;
        auto forward = std::make_unique<ConvolutionDesc>(), backward = std::make_unique<ConvolutionDesc>();
        library.call("dnnl_convolution_forward_desc_init", forward.get(), forward_training, direct, px, pw, no_bias, py, s, p, p);
        void* const forward_pd = primitive_desc(forward.get(), nullptr);
        if (pass == ConvPass::forward) {
            prepare(forward_pd, {{source, source_md}, {weights, weights_md}, {destination, destination_md}});
        } else if (pass == ConvPass::backward_data) {
            library.call("dnnl_convolution_backward_data_desc_init", backward.get(), direct, px, pw, py, s, p, p);
            prepare(primitive_desc(backward.get(), forward_pd),
                    {{source_gradient, source_gradient_md}, {weights, weights_md}, {destination_gradient, destination_gradient_md}});
        } else {
            library.call("dnnl_convolution_backward_weights_desc_init", backward.get(), direct, px, pw, no_bias, py, s, p, p);
            prepare(primitive_desc(backward.get(), forward_pd),
                    {{source, source_md}, {weights_gradient, weights_gradient_md}, {destination_gradient, destination_gradient_md}});
        }
    }
    void operator()() const {
        library.call("dnnl_primitive_execute", primitive, stream, static_cast<int>(arguments.size()), arguments.data());
        library.call("dnnl_stream_wait", stream);
    }

  private:
    MemoryDesc desc(std::initializer_list<std::int64_t> sizes) const {
        Dims dims = {};
        std::copy(sizes.begin(), sizes.end(), dims);
        MemoryDesc made;
        const std::int64_t* d = dims;
        library.call("dnnl_memory_desc_init_by_tag", &made, static_cast<int>(sizes.size()), d, f32, any_layout);
        return made;
    }
    void* primitive_desc(const ConvolutionDesc* desc, void* hint) const {
        void *made = nullptr, *no_attributes = nullptr;
        library.call("dnnl_primitive_desc_create", &made, desc, no_attributes, engine, hint);
        return made;
    }
    struct Part {
        Argument argument;
        Query query;
    };
    void prepare(void* pd, std::initializer_list<Part> parts) {
        library.call("dnnl_primitive_create", &primitive, pd);
        for (const Part& part : parts) {
            const MemoryDesc* desc = library.query(pd, part.query);
            memory.push_back(std::make_unique<std::vector<float>>(library.size(desc) / sizeof(float) + 64, 0.5f));
            void *made = nullptr, *values = reinterpret_cast<void*>((reinterpret_cast<std::uintptr_t>(memory.back()->data()) + 63) / 64 * 64);
            library.call("dnnl_memory_create", &made, desc, engine, values);
            arguments.push_back({part.argument, made});
        }
    }
};

}  // namespace

std::function<void()> onednn_convolution(const ConvShape& shape, ConvPass pass) {
    static const Library library;
    if (library.handle == nullptr) return {};
    return [convolution = std::make_shared<Convolution>(library, shape, pass)] { (*convolution)(); };
}

}  // namespace taper::bench
