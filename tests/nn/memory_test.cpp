// The memory promise: bytes a parameter and saved activations of LeNet-5, by the library's accounting and by a hook on the allocator.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <memory>
#include <new>

#include "support.h"

// Live requested bytes of everything that is taken with a 64-byte alignment, which is what tensors ask for.
namespace {
std::atomic<std::int64_t> live{0};
constexpr std::size_t header = 64;

void* take(std::size_t bytes, std::align_val_t alignment) noexcept {
    const auto align = static_cast<std::size_t>(alignment);
    const std::size_t front = std::max(header, align);
    auto* block = static_cast<std::uint8_t*>(std::aligned_alloc(align, (bytes + front + align - 1) / align * align));
    if (!block) return nullptr;
    *reinterpret_cast<std::size_t*>(block) = bytes;
    live += static_cast<std::int64_t>(bytes);
    return block + front;
}
void give(void* pointer, std::align_val_t alignment) {
    if (!pointer) return;
    auto* block = static_cast<std::uint8_t*>(pointer) - std::max(header, static_cast<std::size_t>(alignment));
    live -= static_cast<std::int64_t>(*reinterpret_cast<std::size_t*>(block));
    std::free(block);
}
}  // namespace
void* operator new(std::size_t bytes, std::align_val_t alignment) {
    if (void* taken = take(bytes, alignment)) return taken;
    throw std::bad_alloc();
}
// The address sanitizer's own does not come by the one above.
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept { return take(bytes, alignment); }
void operator delete(void* pointer, std::align_val_t alignment) noexcept { give(pointer, alignment); }
void operator delete(void* pointer, std::size_t, std::align_val_t alignment) noexcept { give(pointer, alignment); }

namespace taper::nn {
namespace {

using tests::p16;
using tests::p8;
using tests::posit_precision;

constexpr std::int64_t parameter_count = 61706, batch = 64;

// Bytes that the accounting holds for a role, and the hook in all, at two moments of a step.
struct Held {
    std::map<Role, std::int64_t> after_step, before_backward;
    std::int64_t hook_after_step = 0, hook_graph = 0;  // of the parameters' four roles; of what the graph holds
};

std::map<Role, std::int64_t> by_role() {
    std::map<Role, std::int64_t> bytes;
    const MemoryStatistics now = memory_statistics();
    for (int role = 0; role < role_count; ++role) bytes[static_cast<Role>(role)] = now.live[static_cast<std::size_t>(role)];
    return bytes;
}

std::unique_ptr<Optimizer> make_sgd(LeNet5& model) { return std::make_unique<Sgd>(model.parameters(), SgdOptions{.lr = 0.0625, .momentum = 0.5}); }
std::unique_ptr<Optimizer> make_adam(LeNet5& model) { return std::make_unique<Adam>(model.parameters()); }
using MakeOptimizer = std::unique_ptr<Optimizer> (*)(LeNet5&);

Held measure_once(const Precision& precision, MakeOptimizer make) {
    set_memory_cache(false);
    Held held;
    const std::int64_t before = live;
    const ImageClassification data = tests::make_images(batch);
    const DataLoader loader(data, {.batch_size = batch, .format = precision.inputs.format});
    LeNet5 model;
    model.set_precision(precision);
    const std::unique_ptr<Optimizer> optimizer = make(model);
    const std::int64_t levels = 256 * precision.inputs.format.storage_bytes();
    for (int step = 0; step < 2; ++step) {
        BatchStream stream = loader.epoch(0);
        std::optional<Batch> first = stream.next();
        const Tensor images = first->images, labels = first->labels;
        first.reset();
        optimizer->zero_grad();
        const std::int64_t resting = live - images.bytes() - labels.bytes();
        {
            const Variable loss = cross_entropy(model(images), labels, precision);
            held.before_backward = by_role();
            held.hook_graph = live - resting - static_cast<std::int64_t>(loss.value().bytes());
            backward(loss);
        }
        optimizer->step();
    }
    held.after_step = by_role();
    held.hook_after_step = live - before - levels;
    return held;
}

// The first run leaves the kernels' working memory behind, which does not grow with the network.
Held measure(const Precision& precision, MakeOptimizer make = make_sgd) {
    measure_once(precision, make);
    return measure_once(precision, make);
}

TEST(Memory, Posit8WithSixteenBitMasterAndMomentumHoldsSixBytesAParameter) {
    const Held held = measure(posit_precision());
    EXPECT_EQ(held.after_step.at(Role::parameters), 1 * parameter_count);
    EXPECT_EQ(held.after_step.at(Role::gradients), 1 * parameter_count);
    EXPECT_EQ(held.after_step.at(Role::master), 2 * parameter_count);
    EXPECT_EQ(held.after_step.at(Role::state), 2 * parameter_count);
    EXPECT_EQ(held.hook_after_step - held.after_step.at(Role::decoded), 6 * parameter_count);
}

TEST(Memory, AdamWithSixteenBitMasterAndMomentsHoldsEightBytesAParameter) {
    const Held held = measure(posit_precision(), make_adam);
    EXPECT_EQ(held.after_step.at(Role::parameters), 1 * parameter_count);
    EXPECT_EQ(held.after_step.at(Role::gradients), 1 * parameter_count);
    EXPECT_EQ(held.after_step.at(Role::master), 2 * parameter_count);
    EXPECT_EQ(held.after_step.at(Role::state), 4 * parameter_count);
    EXPECT_EQ(held.hook_after_step - held.after_step.at(Role::decoded), 8 * parameter_count);
}

TEST(Memory, Float32HoldsTwelveBytesAParameter) {
    const Held held = measure({});
    EXPECT_EQ(held.after_step.at(Role::parameters), 4 * parameter_count);
    EXPECT_EQ(held.after_step.at(Role::master), 0);
    EXPECT_EQ(held.hook_after_step - held.after_step.at(Role::decoded), 12 * parameter_count);
}

TEST(Memory, SavedActivationsShrinkWithTheFormat) {
    const Held wide = measure({}), narrow = measure(posit_precision());
    const auto saved = [](const Held& held) { return held.before_backward.at(Role::saved); };
    // Inputs of conv1, conv2, conv3, fc1, fc2 (ReLU's outputs among them) and the logits.
    const std::int64_t elements = batch * (784 + 6 * 14 * 14 + 16 * 5 * 5 + 120 + 84), logits = batch * 10, labels = batch * 4;
    EXPECT_EQ(saved(wide), 4 * (elements + logits) + labels);
    EXPECT_EQ(saved(narrow), elements + 2 * logits + labels);
    EXPECT_LE(static_cast<double>(saved(narrow)), 0.27 * static_cast<double>(saved(wide)));
    // Indices: one byte for each pooled value, whatever the format.
    EXPECT_EQ(wide.before_backward.at(Role::indices), batch * (6 * 14 * 14 + 16 * 5 * 5));
    EXPECT_EQ(narrow.before_backward.at(Role::indices), wide.before_backward.at(Role::indices));
    // The hook sees no more than that.
    for (const Held& held : {wide, narrow}) {
        const std::int64_t indices = held.before_backward.at(Role::indices),
                           decoded = held.before_backward.at(Role::decoded) - held.after_step.at(Role::decoded);
        EXPECT_LE(held.hook_graph, saved(held) + indices + decoded);
    }
    EXPECT_LE(static_cast<double>(narrow.hook_graph - narrow.before_backward.at(Role::indices)),
              0.27 * static_cast<double>(wide.hook_graph - wide.before_backward.at(Role::indices)));
}

}  // namespace
}  // namespace taper::nn
