// Several devices: tensors move between them with their bits, and no op mixes them.  Copies and memory of the default device.
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <taper/core/backend.h>
#include <taper/core/memory.h>
#include <taper/core/ops.h>
#include <taper/core/random.h>

#include "support/throws.h"

namespace taper {
namespace {

using tests::error_of;

const Format p8 = Format::posit(8, 2);

// The devices that answer, but for the default one.
std::vector<Device> others() {
    std::vector<Device> found;
    if (default_device() == Device::cpu()) return found;
    found.push_back(Device::cpu());
    for (int i = 0; cuda_backend(i) != nullptr; ++i)
        if (Device::cuda(i) != default_device()) found.push_back(Device::cuda(i));
    return found;
}

TEST(Devices, TensorsMoveWithTheirBits) {
    if (others().empty()) GTEST_SKIP() << "skipped: the CPU alone";
    for (const Device& other : others()) {
        for (const char* name : {"posit(8,2)", "posit(16,1)", "float32", "float64"}) {
            const Tensor here = randn({1000}, Format::parse(name)), there = here.to(other);
            EXPECT_EQ(there.device(), other);
            EXPECT_EQ(there.codes(), here.codes()) << name;
            EXPECT_EQ(there.to(default_device()).codes(), here.codes()) << name;
            EXPECT_EQ(core::unary(Unary::square, there).codes(), core::unary(Unary::square, here).codes()) << name << " on " << other.name();
        }
        EXPECT_EQ(Tensor::empty({0}, p8).to(other).elements(), 0);
    }
}

TEST(Devices, MixingThemIsAnError) {
    if (others().empty()) GTEST_SKIP() << "skipped: the CPU alone";
    for (const Device& other : others()) {
        Tensor x = Tensor::full({4, 4}, 1), y = Tensor::full({4, 4}, 2, {}, other), images = Tensor::full({1, 1, 4, 4}, 1),
               kernel = Tensor::full({1, 1, 3, 3}, 1, {}, other);
        const Tensor labels = Tensor::from(std::vector<std::int32_t>(4, 1), {4}, other), index = Tensor::from(std::vector<std::int32_t>(16, 1), {4, 4}, other);
        const std::array<Tensor, 2> parts{x, y};
        Tensor velocity = Tensor::zeros({4, 4});
        const std::vector<std::pair<const char*, std::function<void()>>> mixed{
            {"assign", [&] { x.assign(y); }},
            {"add", [&] { core::binary(Binary::add, x, y); }},
            {"mul_backward",
             [&] {
                 core::binary_backward(Binary::mul, x, y, x, 0, {4, 4});
             }},
            {"relu_backward", [&] { core::unary_backward(Unary::relu, x, y); }},
            {"matmul", [&] { core::matmul(x, y); }},
            {"matmul's bias", [&] { core::matmul(x, x, {.bias = Tensor::full({4}, 1, {}, other)}); }},
            {"conv2d", [&] { core::conv2d(images, kernel, {}); }},
            {"conv2d_backward_weights",
             [&] {
                 core::conv2d_backward_weights(images, kernel, {1, 1, 2, 2});
             }},
            {"concatenate", [&] { core::concatenate(parts, 0); }},
            {"gather", [&] { core::gather(x, 0, index); }},
            {"softmax_backward", [&] { core::softmax_backward(x, y); }},
            {"cross_entropy", [&] { core::cross_entropy(x, labels); }},
            {"point_loss", [&] { core::point_loss(core::PointLoss::mse, x, y); }},
            {"gelu_backward", [&] { core::gelu_backward(x, y); }},
            {"dropout", [&] { core::dropout(x, core::dropout_mask(16, 0.5, other), 2); }},
            {"sgd_step", [&] { core::sgd_step({x}, velocity, y, {.lr = 1}); }},
            {"adam_step", [&] { core::adam_step({y}, velocity, velocity, x, {.lr = 1}); }},
        };
        for (const auto& [name, call] : mixed) {
            const std::string error = error_of(call);
            EXPECT_NE(error.find(" on " + default_device().name()), std::string::npos) << name << ": " << error;
            EXPECT_NE(error.find(" on " + other.name()), std::string::npos) << name << ": " << error;
        }
        EXPECT_EQ(error_of([&] { core::binary(Binary::add, x, y); }),
                  "add: operands lie on different devices: a on " + default_device().name() + ", b on " + other.name() + " (want one device)");
    }
}

TEST(Devices, OneThatDoesNotAnswerIsAnError) {
    const std::string wanted = cuda_backend() != nullptr ? "cpu or cuda)" : "cpu; this build or machine has no CUDA)";
    EXPECT_EQ(error_of([] { Tensor::zeros({2}, p8, Device::cuda(99)); }), "device: it does not answer: cuda:99 (want " + wanted);
}

// Many copies that are enqueued and not waited for: each has taken the host's bytes when it returns.
TEST(Devices, CopiesInARow) {
    std::vector<Tensor> copies;
    std::vector<std::int32_t> values(786432);
    for (std::int32_t copy = 0; copy < 40; ++copy) {
        for (std::size_t i = 0; i < values.size(); ++i) values[i] = copy * 1000003 + static_cast<std::int32_t>(i);
        const std::int64_t n = copy % 3 == 0 ? 786432 : 1 + copy * 977;
        copies.push_back(Tensor::from(std::span<const std::int32_t>(values.data(), static_cast<std::size_t>(n)), {n}));
    }
    std::vector<std::int32_t> large(5000000);
    for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<std::int32_t>(7 * i);
    const Tensor one = Tensor::from(large, {5000000});
    for (std::int32_t copy = 0; copy < 40; ++copy) {
        const std::vector<std::int32_t> got = copies[static_cast<std::size_t>(copy)].to_int32_vector();
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < got.size(); ++i) wrong += got[i] != copy * 1000003 + static_cast<std::int32_t>(i) ? 1 : 0;
        EXPECT_EQ(wrong, 0u) << "copy " << copy;
    }
    EXPECT_EQ(one.to_int32_vector(), large);
}

TEST(Devices, NoMemoryLeftIsAnErrorAndAllGoesOn) {
    const Tensor before = randn({1000}, p8);
    const std::vector<std::uint64_t> codes = before.codes();
    const auto too_much = [] { Tensor::empty({std::int64_t{1} << 46}, p8); };
    for (int i = 0; i < 2; ++i) {
        if (default_device() != Device::cpu()) {
            const std::string error = error_of(too_much);
            EXPECT_EQ(error.find("memory: " + default_device().name() + " has none left: cudaMalloc of 70368744177664 bytes, "), 0u) << error;
        }
        EXPECT_EQ(error_of([] { Tensor::empty({std::int64_t{1} << 60}, p8); }).find("memory: "), 0u);
        EXPECT_EQ(before.codes(), codes);
        EXPECT_EQ(before.clone().codes(), codes);
    }
}

// What an op needs besides its result is counted too, and given back.
TEST(Devices, MemoryIsCounted) {
    const std::int64_t before = memory_statistics().live_total;
    {
        const Tensor x = randn({64, 64}, p8);
        EXPECT_EQ(memory_statistics().live_total, before + 64 * 64);
        reset_peak_memory();
        const Tensor y = core::softmax(x);
        EXPECT_GE(memory_statistics().peak_total, before + 2 * 64 * 64);
        if (default_device() != Device::cpu()) {
            EXPECT_GT(memory_statistics().peak[static_cast<int>(Role::decoded)], 0);
        }
    }
    EXPECT_EQ(memory_statistics().live_total, before);
    set_memory_cache(false);
    EXPECT_EQ(Tensor::full({3}, 1, p8).codes(), Tensor::full({3}, 1, p8).clone().codes()) << "without a cache";
    set_memory_cache(true);
}

}  // namespace
}  // namespace taper
