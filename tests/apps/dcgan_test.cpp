// dcgan as a user meets it: exit codes, sentences, CSV, PNG, the distance, and runs that are stopped, killed and resumed.  The data are idx files
// made here, of bright bars; the networks are as narrow as can be.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <memory>
#include <random>
#include <sstream>
#include <thread>

#include <taper/nn/nn.h>

#include "images.h"
#include "program.h"

namespace taper::test {
namespace {

namespace fs = std::filesystem;

class DcganProgram : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        data_ = std::make_unique<TemporaryFolder>();
        write_idx_images(data_->path(), {.train = 50, .test = 120});
    }
    static void TearDownTestSuite() { data_.reset(); }

    // 13 batches an epoch, the last of two images.
    static Arguments with_data(const Arguments& arguments, const std::string& threads = "1") {
        return plus({"--data", data_->path().string(), "--batch", "4", "--width", "2", "--latent", "3", "--threads", threads}, arguments);
    }
    static Outcome train(const Arguments& arguments) { return test::run(TAPER_DCGAN, with_data(arguments)); }

    // A LeNet-5 as lenet would save it.
    std::string lenet(const Format& weights = {}) const {
        Generator generator(1);
        nn::LeNet5 model(generator);
        model.set_precision({.weights = weights, .master = weights});
        nn::save_checkpoint(out_ / "lenet.st", model, nn::Sgd(model.parameters(), {}), {});
        return out_ / "lenet.st";
    }

    static inline std::unique_ptr<TemporaryFolder> data_;
    TemporaryFolder out_;
};

// One sentence, and the exit code of an error.
void expect_error(const Outcome& outcome, const std::string& part) {
    EXPECT_EQ(outcome.code, 1);
    expect_sentence(outcome, part);
}

// The number after the last blank of the line that begins so.
double last_number(const std::string& text, const std::string& start) {
    const auto at = text.find(start);
    if (at == std::string::npos) return -1;
    const std::string line = text.substr(at, text.find('\n', at) - at);
    return std::stod(line.substr(line.rfind(' ')));
}

TEST_F(DcganProgram, HelpAndBadCommandLines) {
    const Outcome help = test::run(TAPER_DCGAN, {"--help"});
    EXPECT_EQ(help.code, 0);
    for (const char* part : {"--precision", "--activations", "--accumulate", "--steps", "--samples", "--features", "--generate", "Examples:", "--save-every"})
        EXPECT_NE(help.out.find(part), std::string::npos) << part;
    const std::vector<std::pair<Arguments, std::string>> cases{
        {{"--nonsense"}, "--nonsense"},    {{"--weights", "posit(99,2)"}, "posit(99,2)"},   {{"--steps", "0"}, "--steps"},
        {{"--save-every", "5"}, "--save"}, {{"--sample-every", "5"}, "--samples"},          {{"--generate", "5"}, "--from"},
        {{"--from", "x"}, "--generate"},   {{"--frechet-images", "1"}, "--frechet-images"}, {{"--discriminator-precision", "none.json"}, "none.json"}};
    for (const auto& [arguments, part] : cases) {
        const Outcome outcome = test::run(TAPER_DCGAN, arguments);
        EXPECT_EQ(outcome.code, 2) << part;
        EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
    }
}

TEST_F(DcganProgram, WritesLossesGridsAndTheDistance) {
    const Outcome outcome = train({"--posit", "--steps", "5", "--log-every", "2", "--csv", out_ / "c.csv", "--samples", (out_ / "grids").string(),
                                   "--sample-every", "2", "--features", lenet(), "--frechet-images", "100"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    std::istringstream lines(read_file(out_ / "c.csv"));
    std::vector<std::string> starts;
    for (std::string line; std::getline(lines, line);) starts.push_back(line.substr(0, 14));
    EXPECT_EQ(starts, (std::vector<std::string>{"run,step,discr", "\"posit(8,2)\",2", "\"posit(8,2)\",4", "\"posit(8,2)\",5"}));
    for (const char* grid : {"step-000002.png", "step-000004.png", "step-000005.png"})
        EXPECT_EQ(read_file(out_ / "grids" / grid).substr(0, 8), "\x89PNG\r\n\x1a\n") << grid;
    EXPECT_FALSE(read_file(out_ / "grids" / "step-000002.png") == read_file(out_ / "grids" / "step-000005.png"));
    EXPECT_NE(outcome.out.find("100 samples against 120 test images"), std::string::npos) << outcome.out;
    EXPECT_GT(last_number(outcome.out, "Frechet distance"), 0);
    EXPECT_NE(outcome.out.find("step 5/5"), std::string::npos) << outcome.out;
}

TEST_F(DcganProgram, GeneratesFromACheckpointInAnotherFormat) {
    const std::string checkpoint = out_ / "c.st";
    const Outcome trained =
        train({"--posit", "--steps", "4", "--quiet", "--save", checkpoint, "--samples", out_.path().string(), "--features", lenet(), "--frechet-images", "60"});
    ASSERT_EQ(trained.code, 0) << trained.err;
    const Arguments generate{"--generate", "64", "--from", checkpoint, "--features", lenet(), "--frechet-images", "60"};
    // In the formats of the training, what the training showed.
    Outcome outcome = train(plus(generate, {"--posit", "--png", out_ / "same.png"}));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_TRUE(read_file(out_ / "same.png") == read_file(out_ / "step-000004.png"));
    EXPECT_EQ(last_number(outcome.out, "Frechet"), last_number(trained.out, "Frechet"));
    outcome = train(plus(generate, {"--activations", "posit(6,1)", "--weights", "posit(6,1)", "--png", out_ / "other.png"}));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_FALSE(read_file(out_ / "same.png") == read_file(out_ / "other.png"));
    EXPECT_GT(last_number(outcome.out, "Frechet"), 0);

    expect_error(train({"--generate", "4", "--from", lenet()}), "not a checkpoint of dcgan");
    expect_error(train({"--generate", "4", "--from", (out_ / "no.st").string()}), "no.st");
}

TEST_F(DcganProgram, TellsWhatIsWrong) {
    expect_error(train({"--steps", "1", "--features", (out_ / "no.st").string()}), "lenet --epochs 3 --save FILE");
    ASSERT_EQ(train({"--steps", "1", "--quiet", "--save", out_ / "gan.st"}).code, 0);
    expect_error(train({"--steps", "1", "--features", (out_ / "gan.st").string()}), "not a LeNet-5");
    expect_error(train({"--steps", "1", "--features", lenet(Format::posit(8, 2))}), "not a float32 network");
    TemporaryFolder other;
    write_idx_images(other.path(), {.train = 20, .test = 20}, 32);
    expect_error(test::run(TAPER_DCGAN, {"--data", other.path().string(), "--width", "2", "--features", lenet()}), "images of another size");
    write_idx_images(other.path(), {.train = 20, .test = 20}, 30);
    expect_error(test::run(TAPER_DCGAN, {"--data", other.path().string(), "--width", "2"}), "no layout for this size: 30 pixels");
    expect_error(test::run(TAPER_DCGAN, {"--data", (out_ / "nowhere").string()}), "nowhere");
}

TEST_F(DcganProgram, TrainsOnCifarAndOnFoldersOfImages) {
    const Arguments quick{"--width", "1", "--batch", "4", "--steps", "2", "--posit", "--quiet", "--threads", "1"};
    for (const char* name : {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"}) {
        std::string records;
        for (int i = 0; i < 2 * 3073; ++i) records += static_cast<char>(i % 3073 == 0 ? 3 : i % 251);
        write_file(out_ / (std::string(name) + ".bin"), records);
    }
    Outcome outcome = test::run(TAPER_DCGAN, plus(quick, {"--data", out_.path().string(), "--samples", out_.path().string()}));
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    const std::string grid = read_file(out_ / "step-000002.png");
    for (const char* split : {"train", "test"}) {
        fs::create_directories(out_ / "folder" / split / "grids");
        for (const char* name : {"a.png", "b.png", "c.png"}) write_file(out_ / "folder" / split / "grids" / name, grid);
    }
    outcome = test::run(TAPER_DCGAN, plus(quick, {"--data", (out_ / "folder").string(), "--save", out_ / "c.st"}));
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(load(out_ / "c.st").metadata.at("note.network"), "64 3 100 1");
    EXPECT_EQ(test::run(TAPER_DCGAN, {"--size", "48"}).code, 2);
}

TEST_F(DcganProgram, TakesARecipeForEachNetwork) {
    ASSERT_EQ(train({"--posit", "--steps", "2", "--quiet", "--save", out_ / "both.st"}).code, 0);
    ASSERT_EQ(train({"--posit", "--discriminator-precision", "posit", "--steps", "2", "--quiet", "--save", out_ / "same.st"}).code, 0);
    ASSERT_EQ(train({"--posit", "--discriminator-precision", "float32", "--steps", "2", "--quiet", "--save", out_ / "generator.st"}).code, 0);
    EXPECT_TRUE(read_file(out_ / "both.st") == read_file(out_ / "same.st"));
    const NamedTensors tensors = load(out_ / "generator.st").tensors;
    EXPECT_EQ(tensors.at("weight.generator.main.0.weight").format(), Format::posit(8, 2));
    EXPECT_EQ(tensors.at("model.discriminator.main.0.weight").format(), Format::float32());
}

TEST_F(DcganProgram, TheRecipesOfDcganFashionFitBothNetworks) {
    const std::string recipes = TAPER_REPRODUCE;
    const Outcome outcome = train({"--precision", recipes + "/dcgan_generator.json", "--discriminator-precision", recipes + "/dcgan_discriminator.json", "--loss-scale",
                                   "1024", "--steps", "2", "--quiet", "--save", out_ / "run.st"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const NamedTensors tensors = load(out_ / "run.st").tensors;
    for (const char* layer : {"generator.main.0", "generator.main.6", "discriminator.main.0", "discriminator.main.5"})
        EXPECT_EQ(tensors.at(std::string("weight.") + layer + ".weight").format(), Format::posit(8, 2)) << layer;
}

// Powers of two cancel in float32, the discriminator's format here, and the generator's posits round other numbers.
TEST_F(DcganProgram, LossScaleReachesTheGenerator) {
    for (const char* scale : {"1", "4096"})
        ASSERT_EQ(train({"--posit", "--discriminator-precision", "float32", "--steps", "1", "--quiet", "--loss-scale", scale, "--save", out_ / scale}).code, 0);
    const NamedTensors plain = load(out_ / "1").tensors, scaled = load(out_ / "4096").tensors;
    EXPECT_EQ(plain.at("model.discriminator.main.0.weight").codes(), scaled.at("model.discriminator.main.0.weight").codes());
    EXPECT_NE(plain.at("model.generator.main.3.weight").codes(), scaled.at("model.generator.main.3.weight").codes());
}

TEST_F(DcganProgram, ResumesInALaterEpoch) {
    ASSERT_EQ(train({"--steps", "45", "--quiet", "--save", out_ / "whole.st"}).code, 0);
    ASSERT_EQ(train({"--steps", "30", "--quiet", "--save", out_ / "parts.st"}).code, 0);
    ASSERT_EQ(train({"--steps", "45", "--quiet", "--save", out_ / "parts.st", "--resume", out_ / "parts.st"}).code, 0);
    EXPECT_TRUE(read_file(out_ / "whole.st") == read_file(out_ / "parts.st"));
}

TEST_F(DcganProgram, OneAndTwoThreadsWriteTheSameBytes) {
    for (const Arguments& precision : {Arguments{}, Arguments{"--posit", "--loss-scale", "64", "--master", "posit(16,2) stochastic"}}) {
        std::vector<std::string> files;
        for (const std::string threads : {"1", "2"}) {
            const Outcome outcome = test::run(TAPER_DCGAN, with_data(plus({"--steps", "3", "--quiet", "--save", out_ / threads}, precision), threads));
            ASSERT_EQ(outcome.code, 0) << outcome.err;
            files.push_back(read_file(out_ / threads));
        }
        EXPECT_TRUE(files[0] == files[1]);
    }
}

void wait_for(const fs::path& file) {
    for (int i = 0; i < 2000 && !fs::exists(file); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ASSERT_TRUE(fs::exists(file));
}

const Arguments long_run{"--posit", "--errors", "posit(8,2) stochastic", "--steps", "60", "--log-every", "7", "--sample-every",
                         "20",      "--quiet",  "--save-every",          "1"};

TEST_F(DcganProgram, KilledAndResumedRunEndsInTheSameBytes) {
    const auto into = [&](const std::string& name) {
        return with_data(plus(long_run, {"--save", out_ / (name + ".st"), "--csv", out_ / (name + ".csv"), "--samples", out_ / name}));
    };
    ASSERT_EQ(test::run(TAPER_DCGAN, into("whole")).code, 0);
    const fs::path checkpoint = out_ / "parts.st";
    const Arguments resumed = plus(into("parts"), {"--resume", checkpoint.string()});
    std::mt19937 random(std::random_device{}());
    int killed = 0;
    for (int i = 0; i < 3; ++i) {
        Running running(TAPER_DCGAN, fs::exists(checkpoint) ? resumed : into("parts"));
        wait_for(checkpoint);
        std::this_thread::sleep_for(std::chrono::milliseconds(20 + random() % 60));
        running.signal(SIGKILL);
        const int code = running.wait().code;
        EXPECT_TRUE(code == 0 || code == 128 + SIGKILL) << code;
        killed += code != 0;
    }
    EXPECT_GT(killed, 0);
    const Outcome last = test::run(TAPER_DCGAN, resumed);
    ASSERT_EQ(last.code, 0) << last.err;
    EXPECT_TRUE(read_file(out_ / "whole.st") == read_file(checkpoint));
    EXPECT_TRUE(read_file(out_ / "whole.csv") == read_file(out_ / "parts.csv"));
    EXPECT_TRUE(read_file(out_ / "whole" / "step-000060.png") == read_file(out_ / "parts" / "step-000060.png"));
}

TEST_F(DcganProgram, SignalSavesAndResumeEndsInTheSameBytes) {
    const Arguments flags{"--steps", "400", "--quiet", "--log-every", "7"};
    ASSERT_EQ(train(plus(flags, {"--save", out_ / "whole.st"})).code, 0);
    const Arguments part = plus(flags, {"--save", out_ / "part.st", "--save-every", "1"});
    Running running(TAPER_DCGAN, with_data(part));
    wait_for(out_ / "part.st");
    running.signal(SIGTERM);
    const Outcome stopped = running.wait();
    EXPECT_EQ(stopped.code, 128 + SIGTERM);
    EXPECT_NE(stopped.err.find("continue with --resume"), std::string::npos) << stopped.err;
    const Outcome outcome = train(plus(flags, {"--save", out_ / "part.st", "--resume", out_ / "part.st"}));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_TRUE(read_file(out_ / "whole.st") == read_file(out_ / "part.st"));
}

TEST_F(DcganProgram, RefusesACheckpointOfAnotherRun) {
    const std::string checkpoint = out_ / "c.st";
    ASSERT_EQ(train({"--posit", "--steps", "2", "--quiet", "--save", checkpoint}).code, 0);
    const Arguments resumed{"--steps", "4", "--quiet", "--resume", checkpoint};
    expect_error(train(plus(resumed, {"--posit", "--lr", "0.5"})), "other settings");
    expect_error(train(resumed), "another");
    expect_error(train(plus(resumed, {"--posit", "--discriminator-precision", "float32"})), "another");
    write_file(checkpoint, read_file(checkpoint).substr(0, 1000));
    expect_error(train(plus(resumed, {"--posit"})), "c.st");
}

}  // namespace
}  // namespace taper::test
