// Training: the loss falls, the bits do not depend on threads, and a resumed run continues as if it had not stopped.
#include <gtest/gtest.h>
#include <omp.h>

#include <string>
#include <vector>

#include "support.h"

namespace taper::nn {
namespace {

using tests::all_codes;
using tests::error_of;
using tests::p16;
using tests::p8;
using tests::posit_precision;
using tests::TemporaryFolder;
using tests::train_step;

const SgdOptions recipe{.lr = 0.0625, .momentum = 0.5};

TEST(Training, TheLossFalls) {
    const ImageClassification data = tests::make_images(256);
    for (const Precision& precision : {Precision{}, posit_precision()}) {
        seed(1);
        LeNet5 model;
        model.set_precision(precision);
        Sgd sgd(model.parameters(), recipe);
        const DataLoader loader(data, {.batch_size = 32, .seed = 1});
        std::vector<double> losses;
        for (std::int64_t epoch = 0; epoch < 8; ++epoch) {
            double sum = 0;
            for (const Batch& batch : loader.epoch(epoch)) sum += train_step(model, sgd, batch) / 8;
            losses.push_back(sum);
        }
        EXPECT_NEAR(losses.front(), 2.3, 0.1);
        EXPECT_LT(losses.back(), 0.3) << describe(precision)[1].second;
        model.eval();
        NoGrad guard;
        std::int64_t correct = 0;
        for (const Batch& batch : loader.epoch(0)) correct += correct_predictions(model(batch.images.to(default_device())).value(), batch.labels);
        EXPECT_GT(correct, 245);
    }
}

// What `steps` steps of LeNet-5 leave, and each step's loss.
struct Result {
    std::vector<std::uint64_t> codes;
    std::vector<double> losses;
    bool operator==(const Result&) const = default;
};
Result lenet_steps(const Precision& precision, int threads) {
    const int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    const ImageClassification data = tests::make_images(20 * 48 + 7);
    seed(7);
    LeNet5 model;
    model.set_precision(precision);
    Sgd sgd(model.parameters(), {.lr = 0.0625, .momentum = 0.5, .weight_decay = 1e-4});
    Result result;
    for (const Batch& batch : DataLoader(data, {.batch_size = 48, .seed = 7}).epoch(0)) result.losses.push_back(train_step(model, sgd, batch));
    result.codes = all_codes(model, sgd);
    omp_set_num_threads(before);
    return result;
}

TEST(Training, SameBitsForOneAndTwoThreads) {
    Precision stochastic = posit_precision();
    stochastic.gradients = {p8, Rounding::stochastic};
    stochastic.errors = {p8, Rounding::stochastic};
    stochastic.master = {p16, Rounding::stochastic};
    for (const Precision& precision : {Precision{}, posit_precision(), stochastic}) {
        const Result one = lenet_steps(precision, 1);
        EXPECT_EQ(one.losses.size(), 21u);
        EXPECT_TRUE(one == lenet_steps(precision, 2)) << table(precision);
        EXPECT_TRUE(one == lenet_steps(precision, 1)) << table(precision);
    }
}

// A run of three epochs, interrupted after batch 2 of epoch 1 if `file` is named and continued in new objects.
struct Curve {
    std::vector<double> losses;
    std::vector<std::uint64_t> codes;
};
struct Session {
    LeNet5 model;
    Sgd sgd;
    explicit Session(const Precision& precision, core::StepRounding rounding = core::StepRounding::results)
        : sgd(model.parameters(), {.lr = 0.0625, .momentum = 0.9, .weight_decay = 1e-4, .nesterov = true, .rounding = rounding}) {
        model.set_precision(precision);
    }
    void train(const DataLoader& loader, Progress from, const Progress& until, Curve& curve) {
        const StepLr schedule{.initial = 0.0625, .period = 1};
        for (; from.epoch <= until.epoch; ++from.epoch, from.batch = 0) {
            sgd.set_learning_rate(schedule(from.epoch));
            for (const Batch& batch : loader.epoch(from.epoch, from.batch)) {
                if (from.epoch == until.epoch && batch.index == until.batch) break;
                curve.losses.push_back(train_step(model, sgd, batch));
            }
        }
        curve.codes = all_codes(model, sgd);
    }
};

TEST(Checkpoint, AResumedRunContinuesBitForBit) {
    const TemporaryFolder folder;
    const ImageClassification data = tests::make_images(100);
    const DataLoader loader(data, {.batch_size = 24, .seed = 5});
    Precision stochastic = posit_precision();
    for (Target* role : {&stochastic.weights, &stochastic.master, &stochastic.state, &stochastic.gradients}) role->rounding = Rounding::stochastic;
    using enum core::StepRounding;
    for (const auto& [precision, rounding] : {std::pair(Precision{}, results), {posit_precision(), results}, {stochastic, results}, {stochastic, every_operation}}) {
        const Progress end{.epoch = 2, .batch = 5}, stop{.epoch = 1, .batch = 2, .notes = {{"seed", "5"}, {"curve", "a, b"}}};
        const auto file = folder.path / "run.safetensors";
        seed(5);
        Session whole(precision, rounding);
        Curve expected;
        whole.train(loader, {}, end, expected);

        seed(5);
        Curve curve;
        {
            Session first(precision, rounding);
            first.train(loader, {}, stop, curve);
            save_checkpoint(file, first.model, first.sgd, stop);
        }
        seed(77);  // whatever happened in between
        Session second(precision, rounding);
        const Progress progress = load_checkpoint(file, second.model, second.sgd);
        EXPECT_EQ(progress.epoch, 1);
        EXPECT_EQ(progress.batch, 2);
        EXPECT_EQ(progress.notes, stop.notes);
        EXPECT_EQ(second.sgd.steps(), 5 + 2);
        EXPECT_EQ(all_codes(second.model, second.sgd), curve.codes);
        second.train(loader, progress, end, curve);
        EXPECT_EQ(curve.losses, expected.losses);
        EXPECT_EQ(curve.codes, expected.codes);
    }
}

TEST(Checkpoint, RefusesWhatIsNotItsOwnAndChangesNothing) {
    const TemporaryFolder folder;
    const auto file = folder.path / "run.safetensors";
    const std::string name = file.string();
    Session session(posit_precision());
    Curve curve;
    const ImageClassification data = tests::make_images(30);
    session.train(DataLoader(data, {.batch_size = 15}), {}, {.epoch = 0, .batch = 2}, curve);
    save_checkpoint(file, session.model, session.sgd, {});
    const std::uint64_t stream = default_generator().stream();

    Session other_precision({});
    EXPECT_EQ(error_of([&] { load_checkpoint(file, other_precision.model, other_precision.sgd); }),
              "load_checkpoint: another precision: " + name + " has activations posit(8,2) (want float32)");
    Session overridden(posit_precision());
    overridden.model.set_precision("conv1", {.weights = p16, .master = p16});
    EXPECT_EQ(error_of([&] { load_checkpoint(file, overridden.model, overridden.sgd); }),
              "load_checkpoint: another precision: " + name + " has conv1.activations none (want float32)");
    Session fused(posit_precision(), core::StepRounding::fused);
    EXPECT_EQ(error_of([&] { load_checkpoint(file, fused.model, fused.sgd); }),
              "load_checkpoint: another optimizer: " + name + " has rounding its default (want fused)");

    Sequential small;
    small.emplace<Linear>(784, 10);
    small.set_precision(posit_precision());
    Sgd small_sgd(small.parameters(), recipe);
    EXPECT_EQ(error_of([&] { load_checkpoint(file, small, small_sgd); }),
              "load_checkpoint: another network: " + name + " has nothing for model.0.bias (want [10] in posit(16,2))");

    Session fresh(posit_precision());
    const auto before = all_codes(fresh.model, fresh.sgd);
    Sgd plain(fresh.model.parameters(), {.lr = 0.1});
    EXPECT_EQ(error_of([&] { load_checkpoint(file, fresh.model, plain); }),
              "Sgd: unknown tensor: velocity.conv1.bias (want steps alone)");
    const auto weights = folder.path / "weights.safetensors";
    save(weights, session.model.state());
    EXPECT_EQ(error_of([&] { load_checkpoint(weights, fresh.model, fresh.sgd); }),
              "load_checkpoint: not a checkpoint: " + weights.string() + " has no \"epoch\" in its metadata");
    save(weights, {}, {{"epoch", "1x"}});
    EXPECT_EQ(error_of([&] { load_checkpoint(weights, fresh.model, fresh.sgd); }),
              "load_checkpoint: not a number: " + weights.string() + " has epoch = \"1x\" in its metadata");
    std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
    EXPECT_NE(error_of([&] { load_checkpoint(file, fresh.model, fresh.sgd); }).find(name), std::string::npos);
    EXPECT_EQ(all_codes(fresh.model, fresh.sgd), before);
    EXPECT_GE(default_generator().stream(), stream);
}

}  // namespace
}  // namespace taper::nn
