// A training step reads back what the program asks for and nothing else, and is launched in one piece; indices of which nothing is known are read.
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include <taper/core/backend.h>
#include <taper/core/one_launch.h>
#include <taper/nn/nn.h>

#include "cuda/runtime_host.h"
#include "support/throws.h"

namespace taper::nn {
namespace {

using cuda::HostCounts;
using tests::error_of;

const Precision posits = {.inputs = Format::posit(8, 2),
                          .weights = Format::posit(8, 2),
                          .activations = Format::posit(8, 2),
                          .errors = Format::posit(8, 2),
                          .gradients = Format::posit(16, 1),
                          .master = Format::posit(16, 1)};

template <class Work>
HostCounts counts_of(const Work& work) {
    const HostCounts before = cuda::host_counts();
    work();
    return {cuda::host_counts().reads - before.reads, cuda::host_counts().pieces - before.pieces};
}

// Of the third step: the first one is a plain call, which meets everything for the first time.
template <class Step>
HostCounts counts_of_a_step(const Step& step) {
    OneLaunch one_launch;
    HostCounts counts;
    for (int i = 0; i < 3; ++i) counts = counts_of([&] { one_launch(step); });
    return counts;
}

Tensor labels_of(const std::vector<std::int32_t>& labels) { return Tensor::from(labels, {static_cast<std::int64_t>(labels.size())}); }

struct Classifier {
    Module& model;
    Sgd sgd{model.parameters(), {.lr = 0.01, .momentum = 0.9}};
    Shape images;

    Variable operator()() {
        sgd.zero_grad();
        const Variable logits = model(uniform(images, -1, 1)), loss = cross_entropy(logits, labels_of({3, 0, 9}), model.precision());
        backward(loss);
        sgd.step();
        return loss;
    }
};

TEST(Reads, AStepThatAsksForNothing) {
    LeNet5 lenet;
    lenet.set_precision(posits);
    Classifier step{.model = lenet, .images = {3, 1, 28, 28}};
    EXPECT_EQ(counts_of_a_step([&] { step(); }), (HostCounts{0, 1}));
}

TEST(Reads, OneAtTheEndOfAStepCutsNothing) {
    LeNet5 lenet;
    Classifier step{.model = lenet, .images = {3, 1, 28, 28}};
    EXPECT_EQ(counts_of_a_step([&] { step().value().item(); }), (HostCounts{1, 1}));
}

TEST(Reads, OfNormsThereAreNone) {
    PreResNet resnet;
    resnet.set_precision(posits);
    Classifier step{.model = resnet, .images = {3, 3, 8, 8}};
    EXPECT_EQ(counts_of_a_step([&] { step().value().item(); }), (HostCounts{1, 1}));
    EXPECT_EQ(resnet.state().at("bn.num_batches_tracked").to_int32_vector(), std::vector<std::int32_t>{3});
}

TEST(Reads, NeitherOfMeansOverAllBatchesNorOfPaddedPooling) {
    struct Net : Module {
        Conv2d conv{1, 4, 3, {.padding = 1}};
        BatchNorm2d bn{4, {.momentum = std::nullopt}};
        Linear fc{4 * 4 * 4, 10};
        Net() {
            add("conv", conv);
            add("bn", bn);
            add("fc", fc);
        }
        Variable forward(const Variable& x) override { return fc(reshape(max_pool2d(relu(bn(conv(x))), {.kernel = 3, .stride = 2, .padding = 1}), {-1, 64})); }
    } net;
    Classifier step{.model = net, .images = {3, 1, 8, 8}};
    EXPECT_EQ(counts_of_a_step([&] { step(); }), (HostCounts{0, 1}));
}

TEST(Reads, OfAPairOfNetworksThereAreNone) {
    const DcganOptions options{.size = 28, .channels = 1, .latent = 3, .generator_width = 2, .discriminator_width = 2};
    DcganGenerator make(options);
    DcganDiscriminator judge(options);
    Adam make_adam(make.parameters(), {.lr = 2e-4}), judge_adam(judge.parameters(), {.lr = 2e-4});
    const auto loss = [&](const Variable& logits, double target) { return bce_with_logits_loss(logits, Tensor::full({2}, target), judge.precision()); };
    EXPECT_EQ(counts_of_a_step([&] {
                  const Variable fake = make(randn({2, 3}));
                  judge_adam.zero_grad();
                  backward(loss(judge(uniform({2, 1, 28, 28}, -1, 1)), 1) + loss(judge(fake.detach()), 0));
                  judge_adam.step();
                  make_adam.zero_grad();
                  judge.freeze();
                  backward(loss(judge(fake), 1));
                  judge.freeze(false);
                  make_adam.step();
              }),
              (HostCounts{0, 1}));
}

TEST(Reads, OfEmbeddingsThereAreNone) {
    Embedding rows(5, 3);
    EXPECT_EQ(counts_of_a_step([&] {
                  rows.parameters()[0].second->variable.zero_grad();
                  backward(sum(rows(labels_of({4, 0, 4}))));
              }),
              (HostCounts{0, 1}));
}

// The norm and the loss scaler's question decide on the host what comes next.
TEST(Reads, ClippingTakesOneAndALossScalerTwo) {
    Linear model(4, 3);
    Sgd sgd(model.parameters(), {.lr = 0.01});
    LossScaler scaler;
    const auto gradients = [&] {
        sgd.zero_grad();
        backward(sum(model(uniform({2, 4}, -1, 1))));
    };
    EXPECT_EQ(counts_of_a_step([&] {
                  gradients();
                  sgd.step(clip_scale(gradient_norm(sgd.parameters()), 1));
              }),
              (HostCounts{1, 2}));
    EXPECT_EQ(counts_of_a_step([&] {
                  gradients();
                  scaler.step(sgd);
              }),
              (HostCounts{2, 3}));
}

TEST(Reads, OneForALossAndTheCountOfNaN) {
    const Tensor loss = Tensor::full({}, 1), logits = Tensor::from({1, 3, 2, 3, 3, 1}, {2, 3});
    EXPECT_EQ(counts_of([&] { loss.item(); }).reads, 1u);
    EXPECT_EQ(counts_of([&] { correct_predictions(logits, Tensor::from(std::vector<std::int32_t>{1, 0}, {2}, Device::cpu())); }).reads, 1u);
}

// A counter that someone else has set is read again.
TEST(Reads, ACounterThatWasSet) {
    BatchNorm1d layer(2);
    const Tensor x = uniform({4, 2}, -1, 1);
    const auto count = [&] { return layer.state().at("num_batches_tracked").to_int32_vector()[0]; };
    for (int i = 0; i < 2; ++i) layer(x);
    EXPECT_EQ(counts_of([&] { layer(x); }).reads, 0u);
    EXPECT_EQ(count(), 3);
    NamedTensors state = layer.state();
    state["num_batches_tracked"] = Tensor::full({}, 16777217, Format::int32());
    layer.load(state);
    EXPECT_EQ(counts_of([&] { layer(x); }).reads, 1u);
    EXPECT_EQ(counts_of([&] { layer(x); }).reads, 0u);
    EXPECT_EQ(count(), 16777219);
    layer.to(Device::cpu());
    layer(x.to(Device::cpu()));
    layer.to(default_device());
    EXPECT_EQ(counts_of([&] { layer(x); }).reads, 1u);
    EXPECT_EQ(count(), 16777221);
    *layer.buffers().back().second = Tensor::full({}, 7, Format::int32());
    layer(x);
    EXPECT_EQ(count(), 8);
}

class KnownIndices : public testing::Test {
  protected:
    const Tensor x = uniform({3, 5}, -1, 1), logits = uniform({3, 4}, -1, 1);
    std::size_t reads_of_gather(const Tensor& index) {
        return counts_of([&] { core::gather(x, 1, index); }).reads;
    }
};

TEST_F(KnownIndices, AreThoseFromTheHostAndCopiesOfThem) {
    const Tensor index = Tensor::from(std::vector<std::int32_t>{0, 4, 1, 2, 3, 3}, {3, 2}), shared = index.reshape({2, 3}).reshape({3, 2});
    EXPECT_EQ(reads_of_gather(index), 0u);
    EXPECT_EQ(reads_of_gather(shared), 0u);
    EXPECT_EQ(reads_of_gather(index.clone()), 0u);
    EXPECT_EQ(reads_of_gather(core::slice(index, 1, 1, 2)), 0u);
    EXPECT_EQ(reads_of_gather(core::broadcast_to(core::slice(index, 1, 0, 1), {3, 7})), 0u);
    EXPECT_EQ(reads_of_gather(index.to(Device::cpu()).to(default_device())), 0u);
    EXPECT_EQ(reads_of_gather(Tensor::from(std::vector<std::int32_t>{}, {3, 0})), 0u);
    EXPECT_EQ(reads_of_gather(core::concatenate(std::vector<Tensor>{index, index}, 1)), 1u) << "nothing is known of what parts make up";
}

TEST_F(KnownIndices, AreThoseThatOpsMake) {
    EXPECT_EQ(reads_of_gather(core::argmax(x).reshape({3, 1})), 0u);
    const Tensor winners = core::argmax(Tensor::from({2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 1, 2, 1, 1, 1, 1}, {3, 6}));
    EXPECT_EQ(error_of([&] { core::cross_entropy(logits, winners); }), "cross_entropy: label out of range: labels[1] is 5 (want 0 to 3)");
}

TEST_F(KnownIndices, AreForgottenWhenTheyChange) {
    const auto indices = [](const std::vector<std::int32_t>& values) { return Tensor::from(values, {3, 1}); };
    Tensor assigned = indices({0, 1, 2}), written = indices({0, 1, 2});
    assigned.assign(indices({0, 9, 2}));
    EXPECT_EQ(error_of([&] { core::gather(x, 1, assigned); }), "gather: index out of range: 9 at [1, 0] (want 0 to 4)");
    assigned.assign(indices({0, 4, 2}));
    EXPECT_EQ(reads_of_gather(assigned), 1u);
    const std::int32_t values[] = {0, 1, -1};
    backend(default_device()).copy_in(values, written.mutable_data(), sizeof(values));
    EXPECT_EQ(error_of([&] { core::gather(x, 1, written); }), "gather: index out of range: -1 at [2, 0] (want 0 to 4)");
}

TEST_F(KnownIndices, OfPoolingAreThoseOfTheSameWindows) {
    std::vector<float> ascending(36);
    std::iota(ascending.begin(), ascending.end(), 0.0f);
    const core::Pool2dSpec spec{.kernel = 3, .stride = 2, .padding = 1}, other{.kernel = 2, .stride = 2};
    const core::MaxPooled pooled = core::max_pool2d(Tensor::from(ascending, {1, 1, 6, 6}), spec);
    const auto backward = [&](const Tensor& index, const core::Pool2dSpec& windows) { core::max_pool2d_backward(pooled.y, index, {1, 1, 6, 6}, windows); };
    EXPECT_EQ(counts_of([&] { backward(pooled.index, spec); }).reads, 0u);
    EXPECT_EQ(counts_of([&] { backward(pooled.index.clone(), spec); }).reads, 1u);
    EXPECT_EQ(error_of([&] { backward(pooled.index, other); }),
              "max_pool2d_backward: index names no position of its window: index[0] is 8 (want what max_pool2d gave)");
}

}  // namespace
}  // namespace taper::nn
