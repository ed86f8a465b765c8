// resnet, and with it what the training programs share beyond lenet's tests: optimizers, schedules, loss scales, float32 epochs, checkpoints.
#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <random>
#include <thread>

#include "images.h"
#include "program.h"

namespace taper::test {
namespace {

namespace fs = std::filesystem;

class Resnet : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        data_ = std::make_unique<TemporaryFolder>();
        write_cifar10_images(data_->path(), {40, 10});
    }
    static void TearDownTestSuite() { data_.reset(); }
    static Arguments with_data(const Arguments& arguments) {
        return plus({"--data", data_->path().string(), "--batch", "8", "--threads", "1", "--quiet"}, arguments);
    }
    static Outcome train(const Arguments& arguments) { return run(TAPER_RESNET, with_data(arguments)); }
    // Trains in one go, and stopped by a signal after the first batches and resumed: the same bytes.
    void expect_resumable(const Arguments& flags) {
        const Outcome outcome = train(plus(flags, {"--save", out_ / "whole.st", "--csv", out_ / "whole.csv"}));
        ASSERT_EQ(outcome.code, 0) << outcome.err;
        const Arguments parts = plus(flags, {"--save", out_ / "parts.st", "--save-every", "1", "--csv", out_ / "parts.csv"});
        for (int i = 0; i < 4; ++i) {
            Running running(TAPER_RESNET, with_data(fs::exists(out_ / "parts.st") ? plus(parts, {"--resume", out_ / "parts.st"}) : parts));
            wait_for(out_ / "parts.st");
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
            running.signal(i % 2 == 0 ? SIGKILL : SIGTERM);
            running.wait();
        }
        const Outcome last = train(plus(parts, {"--resume", out_ / "parts.st"}));
        ASSERT_EQ(last.code, 0) << last.err;
        EXPECT_TRUE(read_file(out_ / "whole.st") == read_file(out_ / "parts.st"));
        EXPECT_TRUE(read_file(out_ / "whole.st.best") == read_file(out_ / "parts.st.best"));
        EXPECT_EQ(without_seconds(out_ / "whole.csv"), without_seconds(out_ / "parts.csv"));
    }

    static inline std::unique_ptr<TemporaryFolder> data_;
    TemporaryFolder out_;
};

TEST_F(Resnet, HelpListsModelsAndExamples) {
    const Outcome outcome = run(TAPER_RESNET, {"--help"});
    EXPECT_EQ(outcome.code, 0);
    for (const char* part :
         {"preresnet20, 272,282 parameters", "resnet18", "resnet9", "--schedule", "--warmup", "--clip-norm", "--augment", "Examples:", "Exit codes"})
        EXPECT_NE(outcome.out.find(part), std::string::npos) << part;
}

TEST_F(Resnet, NamesWhatItNeeds) {
    Outcome outcome = run(TAPER_RESNET, {});
    EXPECT_EQ(outcome.code, 1);
    expect_sentence(outcome, "resnet: no data: --data is not given (want a folder of images");
    TemporaryFolder grey;
    write_idx_images(grey.path(), {20, 10});
    outcome = run(TAPER_RESNET, {"--data", grey.path().string()});
    EXPECT_EQ(outcome.code, 1);
    expect_sentence(outcome, "preresnet20: images of another size");
}

TEST_F(Resnet, TrainsByTheRecipeOfThePaper) {
    const Outcome outcome = train({"--epochs", "2", "--precision", "qtorch_cifar10", "--loss-scale", "1000", "--csv", out_ / "c.csv", "--compare"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    for (const char* part : {"float32  qtorch_cifar10", "**conv* activations", "**.conv*.input", "steps skipped", "posit(16,2)"})
        EXPECT_NE(outcome.out.find(part), std::string::npos) << part << "\n" << outcome.out;
    const std::string csv = read_file(out_ / "c.csv");
    EXPECT_EQ(csv.substr(0, csv.find('\n')), "run,epoch,learning_rate,train_loss,train_accuracy,test_loss,test_accuracy,seconds,loss_scale,skipped_steps");
    EXPECT_NE(csv.find(",1000,0\n"), std::string::npos) << csv;
}

TEST_F(Resnet, DynamicLossScaleSkipsStepsAndTellsHowMany) {
    const Outcome outcome = run(TAPER_RESNET, {"--data", data_->path(), "--batch", "8", "--threads", "1", "--epochs", "1", "--errors", "e4m3", "--gradients",
                                               "e4m3", "--loss", "e4m3", "--loss-scale", "dynamic"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_NE(outcome.out.find(" steps skipped, loss scale "), std::string::npos) << outcome.out;
}

TEST_F(Resnet, ResumesBitForBitWithEverything) {
    expect_resumable(
        {"--epochs",          "3",         "--posit",     "--errors", "posit(8,2) stochastic", "--master", "posit(16,2) stochastic", "--optimizer", "adamw",
         "--schedule",        "one_cycle", "--warmup",    "1",        "--float32-epochs",      "1",        "--loss-scale",           "dynamic",     "--augment",
         "--label-smoothing", "0.1",       "--clip-norm", "1",        "--clip-value",          "0.1",      "--compensated"});
}

TEST_F(Resnet, ResumesBitForBitWithSgd) {
    expect_resumable({"--epochs", "2", "--precision", "qtorch_cifar10", "--schedule", "cosine", "--nesterov", "--float32-epochs", "1"});
}

TEST_F(Resnet, RefusesARecipeOfAnotherNetworkBeforeTheFirstEpoch) {
    const Outcome outcome = train({"--model", "resnet20", "--precision", "qtorch_cifar10", "--float32-epochs", "1"});
    EXPECT_EQ(outcome.code, 1);
    expect_sentence(outcome, "a pattern names no module");
}

TEST_F(Resnet, RefusesOtherSettings) {
    const std::string checkpoint = out_ / "c.st";
    ASSERT_EQ(train({"--limit", "8", "--epochs", "1", "--save", checkpoint}).code, 0);
    const std::vector<std::pair<Arguments, std::string>> cases{
        {{"--model", "preresnet32"}, "model preresnet20 (want preresnet32)"},
        {{"--augment"}, "augmentation none (want crops and flips)"},
        {{"--optimizer", "adam"}, "lr 0.05 (want 0.001)"},
        {{"--schedule", "cosine"}, "schedule none (want cosine to 0 over 4 epochs)"},
        {{"--loss-scale", "dynamic"}, "loss scale 1 (want dynamic)"},
        {{"--clip-norm", "2"}, "clipping value 0, norm 0 (want value 0, norm 2)"},
        {{"--float32-epochs", "1"}, "float32 epochs 0 (want 1)"},
        {{"--seed", "7"}, "seed 1 (want 7)"},
    };
    for (const auto& [flags, part] : cases) {
        const Outcome outcome = train(plus({"--limit", "8", "--resume", checkpoint}, flags));
        EXPECT_EQ(outcome.code, 1);
        expect_sentence(outcome, part);
    }
}

TEST_F(Resnet, AFullDiskIsOneErrorAndLeavesTheLastCheckpoint) {
    const std::string checkpoint = out_ / "c.st";
    ASSERT_EQ(train({"--limit", "8", "--epochs", "1", "--save", checkpoint}).code, 0);
    const std::string before = read_file(checkpoint);
    // Files end at 100 blocks of 512 bytes, as on a disk that is full.
    std::string command = "ulimit -f 100; exec " + std::string(TAPER_RESNET);
    for (const std::string& word : with_data({"--limit", "8", "--epochs", "2", "--save", checkpoint, "--resume", checkpoint})) command += " '" + word + "'";
    const Outcome outcome = run("/bin/sh", {"-c", command});
    EXPECT_EQ(outcome.code, 1);
    expect_sentence(outcome, "resnet: save: cannot write: " + checkpoint);
    EXPECT_TRUE(read_file(checkpoint) == before);
    EXPECT_FALSE(fs::exists(checkpoint + ".tmp"));
    EXPECT_EQ(train({"--limit", "8", "--epochs", "2", "--save", checkpoint, "--resume", checkpoint}).code, 0);
}

}  // namespace
}  // namespace taper::test
