// What the CUDA backend keeps of decoded operands: reuse, versions, addresses used again, bounds, counts.
#include <set>
#include <thread>

#include <taper/core/memory.h>
#include <taper/cuda/backend.h>

#include "core/product_support.h"

namespace taper::tests {
namespace {

using core::matmul;

const Format p8 = Format::posit(8, 2);

cuda::DecodedCache& cache() { return static_cast<cuda::CudaBackend*>(cuda_backend(0))->decoded(); }
std::int64_t counted() { return memory_statistics()[Role::decoded]; }
Tensor product(const Tensor& a, const Tensor& b) { return matmul(a, b, {.output = Target(Format::float32())}); }
std::vector<double> on_cpu(const Tensor& a, const Tensor& b) { return product(a.to(Device::cpu()), b.to(Device::cpu())).to_vector_double(); }

class DecodedOperands : public CoreOps {
  protected:
    void SetUp() override {
        CoreOps::SetUp();
        cache().clear();
    }
};

TEST_F(DecodedOperands, AWeightIsDecodedOnceForAllProducts) {
    const Integers w({64, 64}, 1, p8), x({64, 64}, 2, p8), dy({64, 64}, 3, p8);
    product(x.tensor, w.tensor);
    EXPECT_EQ(cache().bytes(), 2 * 64 * 64 * 2);
    matmul(dy.tensor, w.tensor, {.transpose_b = true});
    matmul(x.tensor, dy.tensor, {.transpose_a = true});
    EXPECT_EQ(cache().bytes(), 3 * 64 * 64 * 2) << "x, w, dy";
    EXPECT_EQ(counted(), cache().bytes());
}

TEST_F(DecodedOperands, MakeRoomWhereMemoryIsShort) {
    const Integers w({64, 64}, 1, p8), x({64, 64}, 2, p8);
    product(x.tensor, w.tensor);
    EXPECT_GT(cache().bytes(), 0);
    EXPECT_THROW(Tensor::empty({std::int64_t{1} << 46}, p8), Error);
    EXPECT_EQ(cache().bytes(), 0);
    EXPECT_EQ(product(x.tensor, w.tensor).to_vector_double(), on_cpu(x.tensor, w.tensor));
}

TEST_F(DecodedOperands, Float32LiesDecoded) {
    const Integers w({64, 64}, 1), x({64, 64}, 2);
    EXPECT_EQ(product(x.tensor, w.tensor).to_vector_double(), on_cpu(x.tensor, w.tensor));
    EXPECT_EQ(cache().bytes(), 0);
}

TEST_F(DecodedOperands, AnotherVersionTakesTheOldOnesPlace) {
    const Integers x({64, 64}, 1, p8), first({64, 64}, 2, p8), second({64, 64}, 3, p8);
    Tensor w = first.tensor.clone();
    EXPECT_EQ(product(x.tensor, w).to_vector_double(), on_cpu(x.tensor, first.tensor));
    const std::int64_t before = cache().bytes();
    w.assign(second.tensor);
    EXPECT_EQ(product(x.tensor, w).to_vector_double(), on_cpu(x.tensor, second.tensor));
    EXPECT_EQ(cache().bytes(), before);
}

TEST_F(DecodedOperands, AnAddressUsedAgainIsAnotherTensor) {
    const Integers x({64, 64}, 1, p8);
    std::set<const void*> addresses;
    bool again = false;
    for (std::uint64_t i = 0; i < 50; ++i) {
        const Integers w({64, 64}, 10 + i, p8);
        again = !addresses.insert(w.tensor.data()).second || again;
        ASSERT_EQ(product(x.tensor, w.tensor).to_vector_double(), on_cpu(x.tensor, w.tensor)) << i;
    }
    EXPECT_LE(cache().bytes(), 2 * 64 * 64 * 2) << "what was freed goes with the next product";
    if (!again) GTEST_SKIP() << "no address was used again (a sanitizer's allocator keeps them back)";
}

TEST_F(DecodedOperands, TheyAreCountedAndBounded) {
    const Integers x({64, 64}, 1, p8);
    std::vector<Tensor> kept;
    const std::int64_t enough = 2 * cuda::most_decoded_bytes / (64 * 64 * 2);
    for (std::int64_t i = 0; i < enough; ++i) {
        kept.push_back(normal({64, 64}, static_cast<std::uint64_t>(i), p8));
        product(x.tensor, kept.back());
        ASSERT_LE(cache().bytes(), cuda::most_decoded_bytes);
        ASSERT_EQ(counted(), cache().bytes());
    }
    EXPECT_GT(cache().bytes(), cuda::most_decoded_bytes / 2);
    const Integers large({1024, 1024}, 2, p8), thin({1024, 8}, 3, p8);
    product(large.tensor, thin.tensor);
    EXPECT_LE(cache().bytes(), cuda::most_decoded_bytes) << "one that takes more than its share is not kept";
}

TEST_F(DecodedOperands, NoneAreKeptWhereMemoryIsNot) {
    const Integers x({64, 64}, 1, p8), w({64, 64}, 2, p8);
    product(x.tensor, w.tensor);
    EXPECT_GT(counted(), 0);
    set_memory_cache(false);
    EXPECT_EQ(counted(), 0);
    EXPECT_EQ(product(x.tensor, w.tensor).to_vector_double(), on_cpu(x.tensor, w.tensor));
    EXPECT_EQ(counted(), 0);
    set_memory_cache(true);
    product(x.tensor, w.tensor);
    EXPECT_EQ(counted(), 2 * 64 * 64 * 2);
}

TEST_F(DecodedOperands, ThreadsShareThem) {
    const Integers w({64, 64}, 1, p8);
    const auto want = on_cpu(w.tensor, w.tensor);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 20; ++i) {
                const Tensor own = w.tensor.clone();
                ASSERT_EQ(product(t % 2 == 0 ? own : w.tensor, w.tensor).to_vector_double(), want);
                if (i % 7 == 0) cache().clear();
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace taper::tests
