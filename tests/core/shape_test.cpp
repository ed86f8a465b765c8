// Shapes, devices, broadcasting: their rules and their sentences.
#include <gtest/gtest.h>

#include <taper/core/backend.h>
#include <taper/core/device.h>
#include <taper/core/shape.h>
#include <taper/formats/error.h>

#include "support/throws.h"

namespace taper {
namespace {

using tests::error_of;

TEST(Shape, SizesStridesElements) {
    const Shape s{2, 3, 4};
    EXPECT_EQ(s.rank(), 3);
    EXPECT_EQ(s.elements(), 24);
    EXPECT_EQ(s.strides(), (std::vector<std::int64_t>{12, 4, 1}));
    EXPECT_EQ(s[-1], 4);
    EXPECT_EQ(s[0], 2);
    EXPECT_EQ(s.axis(-3), 0);
    EXPECT_EQ(s.str(), "[2, 3, 4]");
    EXPECT_EQ(Shape{}.elements(), 1);
    EXPECT_EQ(Shape{}.str(), "[]");
    EXPECT_EQ((Shape{5, 0, 3}.elements()), 0);
}

TEST(Shape, Errors) {
    EXPECT_EQ(error_of([] { Shape({2, -3}); }), "shape: negative size: [2, -3] (want sizes of 0 or more; for reshape, one of -1)");
    EXPECT_EQ(error_of([] { Shape({-1, 2, -1}); }), "shape: negative size: [-1, 2, -1] (want sizes of 0 or more; for reshape, one of -1)");
    const std::int64_t large = std::int64_t{1} << 40;
    EXPECT_EQ(error_of([&] { Shape({large, large}); }), "shape: too many elements: [1099511627776, 1099511627776] (want at most 2^62)");
    EXPECT_THROW(Shape({0, large, large}), Error) << "strides would overflow";
    EXPECT_NO_THROW(Shape({std::int64_t{1} << 31, std::int64_t{1} << 31}));
    EXPECT_EQ(error_of([] { (Shape{2, 3})[2]; }), "shape: no such axis: 2 of [2, 3] (want one from -2 to 1)");
    EXPECT_EQ(error_of([] { (Shape{2, -1}).elements(); }), "shape: a size is open: [2, -1] (want sizes of 0 or more; -1 is for reshape alone)");
    EXPECT_THROW((Shape{2, -1}).strides(), Error);
}

TEST(Shape, Broadcast) {
    EXPECT_EQ(broadcast({4, 1, 3}, {5, 1}, "add"), (Shape{4, 5, 3}));
    EXPECT_EQ(broadcast({}, {2, 3}, "add"), (Shape{2, 3}));
    EXPECT_EQ(broadcast({0, 3}, {1}, "add"), (Shape{0, 3}));
    EXPECT_EQ(broadcast({1}, {0}, "add"), (Shape{0}));
    EXPECT_EQ(error_of([] { broadcast({2, 3}, {4}, "add"); }), "add: shapes do not broadcast: a is [2, 3], b is [4] (want equal sizes or 1, aligned at the last axis)");
    EXPECT_THROW(broadcast({2, 3}, {0, 3}, "add"), Error);
}

TEST(Device, NamesAndErrors) {
    for (const char* name : {"cpu", "cuda", "cuda:1"}) EXPECT_EQ(Device::parse(name).name(), name);
    EXPECT_EQ(Device::parse("cuda:0"), Device::cuda());
    for (const char* name : {"", "gpu", "cuda:", "cuda:-1", "cuda:1x", "cpu:0", "cuda:99999999999"}) EXPECT_THROW(Device::parse(name), Error) << name;
    EXPECT_EQ(error_of([] { Device::parse("tpu"); }), "device: unknown name: \"tpu\" (want cpu, cuda or cuda:INDEX)");
    EXPECT_EQ(&backend(Device::cpu()), cpu_backend());
    if (cuda_backend() == nullptr) {
        EXPECT_EQ(error_of([] { backend(Device::cuda()); }), "device: it does not answer: cuda (want cpu; this build or machine has no CUDA)");
    }
}

class BareBackend final : public Backend {
  public:
    const char* name() const override { return "bare"; }
    void* allocate(std::size_t) override { return nullptr; }
    void release(void*, std::size_t) noexcept override {}
    void copy_in(const void*, void*, std::size_t) override {}
    void copy_out(const void*, void*, std::size_t) override {}
    void synchronize() override {}
    std::size_t take_nan_count() override { return 0; }
};

TEST(Backend, MissingKernelSaysSo) {
    BareBackend bare;
    Tensor x = Tensor::zeros({2}, Format::posit(8, 2)), y = x.clone();
    EXPECT_EQ(error_of([&] { bare.convert(x, y, {}); }), "convert: the bare backend has no kernel for posit(8,2)");
    EXPECT_EQ(error_of([&] { bare.unary(Unary::exp, 0, x, y, {}); }), "exp: the bare backend has no kernel for posit(8,2)");
    EXPECT_EQ(error_of([&] { bare.binary_backward(Binary::mul, x, x, x, 0, y, {}); }), "mul_backward: the bare backend has no kernel for posit(8,2)");
}

}  // namespace
}  // namespace taper
