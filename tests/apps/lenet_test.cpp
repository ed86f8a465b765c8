// lenet as a user meets it: exit codes, sentences, CSV, and runs that are stopped, killed and resumed.  The data are idx files made here:
// ten classes of bright bars in noise.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <map>
#include <memory>
#include <random>
#include <sstream>
#include <thread>

#include "images.h"
#include "program.h"

namespace taper::test {
namespace {

namespace fs = std::filesystem;

class Lenet : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        data_ = std::make_unique<TemporaryFolder>();
        write_idx_images(data_->path(), {300, 100});
    }
    static void TearDownTestSuite() { data_.reset(); }

    // One thread: two that spin for each other are slow where tests run side by side.
    static Arguments with_data(const Arguments& arguments, const std::string& threads = "1") {
        return plus({"--data", data_->path().string(), "--batch", "8", "--threads", threads}, arguments);
    }
    static Outcome train(const Arguments& arguments) { return run(TAPER_LENET, with_data(arguments)); }

    static inline std::unique_ptr<TemporaryFolder> data_;
    TemporaryFolder out_;
};

TEST_F(Lenet, HelpNamesEveryRoleAndGivesExamples) {
    const Outcome outcome = run(TAPER_LENET, {"--help"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.err, "");
    for (const char* part : {"--inputs", "--weights", "--activations", "--errors", "--gradients", "--loss", "--master", "--state", "--accumulate", "--seed",
                             "--threads", "--epochs", "--step", "--csv", "--save", "--resume", "Examples:", "lenet --compare --posit"})
        EXPECT_NE(outcome.out.find(part), std::string::npos) << part;
}

TEST_F(Lenet, BadCommandLinesEndWith2) {
    const std::vector<std::pair<Arguments, std::string>> cases{
        {{"--nonsense"}, "--nonsense"},
        {{"--weights", "posit(99,2)"}, "posit(99,2)"},
        {{"--errors", "quux8"}, "quux8"},
        {{"--errors", "posit(8,2) upward"}, "upward"},
        {{"--accumulate", "sloppy"}, "sloppy"},
        {{"--epochs", "0"}, "--epochs"},
        {{"--optimizer", "rmsprop"}, "sgd|adam|adamw"},
        {{"--optimizer", "adam", "--momentum", "0.9"}, "--momentum"},
        {{"--betas", "0.9,0.99"}, "--optimizer adam"},
        {{"--nesterov", "--momentum", "0"}, "--nesterov"},
        {{"--schedule", "linear"}, "one_cycle"},
        {{"--schedule", "cosine", "--halve-every", "2"}, "--halve-every"},
        {{"--loss-scale", "-1"}, "--loss-scale"},
        {{"--model", "resnet20"}, "resnet20"},
        {{"--device", "tpu"}, "tpu"},
        {{"--step", "each"}, "--step"},
        {{"--batch", "many"}, "many"},
        {{"--save-every", "5"}, "--save"},
        {{"--weights", " e4m3 , sat", "--errors", "posit(8, 2 ) stochastic ", "--state", " bf16 ", "--accumulate", "sloppy"}, "sloppy"},
        {{"--precision", "no_such_recipe"}, "qtorch_mnist"},
        {{"--precision", "qtorch_mnist", "--posit"}, "--posit"},
        {{"--compare"}, "nothing to compare"},
        {{"--compare", "--posit", "--save", "x.st"}, "--compare"},
    };
    for (const auto& [arguments, part] : cases) {
        const Outcome outcome = run(TAPER_LENET, arguments);
        EXPECT_EQ(outcome.code, 2) << arguments[0];
        EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
        EXPECT_EQ(outcome.out, "");
    }
}

TEST_F(Lenet, BadDataEndWith1AndOneSentence) {
    Outcome outcome = run(TAPER_LENET, {"--data", (out_ / "nowhere").string()});
    EXPECT_EQ(outcome.code, 1);
    expect_sentence(outcome, "no such folder");

    for (const auto& entry : fs::directory_iterator(data_->path())) fs::copy(entry.path(), out_.path());
    const fs::path labels = out_ / "train-labels-idx1-ubyte";
    const std::string whole = read_file(labels);
    write_file(labels, whole.substr(0, whole.size() - 1));
    outcome = run(TAPER_LENET, {"--data", out_.path().string()});
    EXPECT_EQ(outcome.code, 1);
    expect_sentence(outcome, "train-labels-idx1-ubyte");

    outcome = train({"--resume", (out_ / "no.st").string()});
    EXPECT_EQ(outcome.code, 1);
    expect_sentence(outcome, "no.st");
}

TEST_F(Lenet, ComparesTwoRunsInCsvAndTable) {
    const fs::path csv = out_ / "curves.csv";
    const Outcome outcome = train({"--compare", "--posit", "--epochs", "3", "--csv", csv.string()});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    std::istringstream lines(read_file(csv));
    std::vector<std::string> starts;
    for (std::string line; std::getline(lines, line);) starts.push_back(line.substr(0, line.front() == '"' ? 15 : 10));
    EXPECT_EQ(read_file(csv).substr(0, read_file(csv).find('\n')), "run,epoch,learning_rate,train_loss,train_accuracy,test_loss,test_accuracy,seconds");
    EXPECT_EQ(starts, (std::vector<std::string>{"run,epoch,", "float32,1,", "float32,2,", "float32,3,", "\"posit(8,2)\",1,", "\"posit(8,2)\",2,",
                                                "\"posit(8,2)\",3,"}));
    for (const char* part :
         {"epoch  3/3", "float32   posit(8,2)", "master", "posit(16,2)", "test accuracy, %", "seconds an epoch", "saved activations", "max-pool's indices"})
        EXPECT_NE(outcome.out.find(part), std::string::npos) << part << "\n" << outcome.out;
}

// The figures that the README promises: bytes of 61,706 parameters, posits against float32.
TEST_F(Lenet, CountsBytesByRole) {
    const Outcome outcome = train({"--compare", "--posit", "--epochs", "1", "--quiet"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    std::istringstream lines(outcome.out);
    std::map<std::string, std::vector<double>> table;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string title, word;
        std::vector<double> values;
        while (words >> word) {
            const bool number = word == "-" || word.find_first_not_of("0123456789.,") == std::string::npos;
            word.erase(std::remove(word.begin(), word.end(), ','), word.end());
            if (number)
                values.push_back(word == "-" ? 0 : std::stod(word));
            else
                title += title.empty() ? word : " " + word;
        }
        table[title] = values;
    }
    EXPECT_EQ(table["bytes: parameters"], (std::vector<double>{4 * 61706, 61706}));
    EXPECT_EQ(table["master"], (std::vector<double>{0, 2 * 61706}));
    EXPECT_EQ(table["gradients"], (std::vector<double>{4 * 61706, 61706}));
    EXPECT_EQ(table["state"], (std::vector<double>{4 * 61706, 2 * 61706}));
    EXPECT_EQ(table["these a parameter"], (std::vector<double>{12, 6}));
    ASSERT_EQ(table["saved activations"].size(), 2u) << outcome.out;
    EXPECT_GT(table["saved activations"][1], 0);
    EXPECT_LE(table["saved activations"][1], 0.27 * table["saved activations"][0]);
    EXPECT_EQ(table["max-pool's indices"][0], 8 * (6 * 14 * 14 + 16 * 5 * 5));
    EXPECT_EQ(table["max-pool's indices"][1], table["max-pool's indices"][0]);
}

TEST_F(Lenet, LearnsTheBars) {
    for (const Arguments& precision : {Arguments{}, Arguments{"--posit"}}) {
        ASSERT_EQ(train(plus({"--epochs", "4", "--quiet", "--csv", out_ / "c.csv"}, precision)).code, 0);
        const std::string text = read_file(out_ / "c.csv");
        const std::string last = text.substr(text.rfind('\n', text.size() - 2) + 1);
        std::string end = last.substr(0, last.rfind(','));
        EXPECT_GT(std::stod(end.substr(end.rfind(',') + 1)), 90) << last;
    }
}

TEST_F(Lenet, RunsTheFormatsOfItsExamples) {
    const Arguments small_floats{"--weights", "e4m3", "--activations", "e4m3", "--errors", "e5m2", "--gradients", "e5m2", "--loss-scale", "256"};
    for (const Arguments& formats : {small_floats, Arguments{"--posit", "--gradients", "posit(8,2) stochastic"}, Arguments{"--posit", "--accumulate", "exact"},
                                     Arguments{"--posit", "--accumulate-forward", "rounded(posit(16,2))", "--accumulate-backward", "exact"},
                                     Arguments{"--posit", "--step", "every-operation"}, Arguments{"--posit", "--step", "fused"}}) {
        const Outcome outcome = train(plus({"--epochs", "1", "--quiet", "--limit", "24"}, formats));
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        for (const std::string& word : formats)
            if (word.rfind("--", 0) != 0 && word != "256") {
                EXPECT_NE(outcome.out.find(word), std::string::npos) << word << "\n" << outcome.out;
            }
    }
}

TEST_F(Lenet, TakesRecipesByNameAndFromFiles) {
    const Arguments quick{"--epochs", "1", "--quiet", "--limit", "24"};
    const fs::path recipe = out_ / "recipe.json";
    write_file(recipe, R"json({"weights": "posit(8,2)", "activations": "posit(8,2)", "master": "posit(16,2)", "layers": [{"match": "<last>", "weights": "posit(16,1)", "forward": "exact"}],
                           "roundings": [{"match": "conv*", "slot": "input", "format": "posit(6,1)"}]})json");
    Outcome outcome = train(plus(quick, {"--precision", recipe.string(), "--errors", "e5m2", "--save", out_ / "c.st"}));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    for (const char* part : {"mixed", "e5m2", "<last> weights", "posit(16,1)", "<last> forward", "conv*.input", "posit(6,1)"})
        EXPECT_NE(outcome.out.find(part), std::string::npos) << part << "\n" << outcome.out;
    write_file(recipe, R"json({"weights": "posit(8,2)", "activations": "posit(8,2)", "master": "posit(16,2)", "layers": [{"match": "<last>", "weights": "posit(16,1)", "forward": "exact"}],
                           "roundings": [{"match": "conv*", "slot": "input", "format": "posit(7,1)"}]})json");
    outcome = train(plus(quick, {"--precision", recipe.string(), "--errors", "e5m2", "--resume", out_ / "c.st"}));
    EXPECT_EQ(outcome.code, 1);
    expect_sentence(outcome, "another rounding point");

    outcome = train(plus(quick, {"--precision", "positnn_o16_l16", "--compare"}));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_NE(outcome.out.find("float32  positnn_o16_l16"), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("fused            fused"), std::string::npos) << outcome.out;  // the recipe's own step, in both runs
    // By name or by flags, the same bits.
    ASSERT_EQ(train(plus(quick, {"--precision", "posit", "--save", out_ / "name.st"})).code, 0);
    ASSERT_EQ(train(plus(quick, {"--posit", "--save", out_ / "flag.st"})).code, 0);
    EXPECT_TRUE(read_file(out_ / "name.st") == read_file(out_ / "flag.st"));

    write_file(recipe, R"json({"weight": "posit(8,2)"})json");
    EXPECT_NE(train({"--precision", recipe.string()}).err.find("recipe: unknown key: \"weight\""), std::string::npos);
    outcome = train({"--precision", "qtorch_cifar100"});
    EXPECT_EQ(outcome.code, 1);
    expect_sentence(outcome, "a pattern names no module");
}

TEST_F(Lenet, OneAndTwoThreadsWriteTheSameBytes) {
    for (const Arguments& precision :
         {Arguments{}, Arguments{"--posit"}, Arguments{"--posit", "--gradients", "posit(8,2) stochastic", "--master", "posit(16,2) stochastic"}}) {
        std::vector<std::string> files;
        for (const std::string threads : {"1", "2"}) {
            const Outcome outcome = run(TAPER_LENET, with_data(plus({"--epochs", "1", "--quiet", "--save", out_ / threads}, precision), threads));
            ASSERT_EQ(outcome.code, 0) << outcome.err;
            files.push_back(read_file(out_ / threads));
        }
        EXPECT_GT(files[0].size(), 61706u);
        EXPECT_TRUE(files[0] == files[1]);
    }
}

TEST_F(Lenet, TrainsTheSmallNetworkOfMnist) {
    const Outcome outcome = train({"--model", "mnist_cnn", "--precision", "qtorch_mnist", "--epochs", "1", "--quiet"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_NE(outcome.out.find("21,840"), std::string::npos) << outcome.out;
}

TEST_F(Lenet, WatchedRunWritesTheSameBytesAndResumesItsCsv) {
    const Arguments flags{"--posit", "--errors", "posit(8,2) stochastic", "--epochs", "2", "--limit", "80", "--quiet"};
    const auto watched = [&](const std::string& name) {
        return Arguments{"--watch", "5", "--watch-csv", out_ / (name + ".csv"), "--save", out_ / name};
    };
    ASSERT_EQ(train(plus(flags, {"--save", out_ / "plain"})).code, 0);
    const Outcome outcome = train(plus(plus(flags, watched("watched")), {"--watch-plot", out_ / "w.png"}));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_TRUE(read_file(out_ / "plain") == read_file(out_ / "watched"));
    EXPECT_NE(outcome.out.find((out_ / "w.png").string()), std::string::npos) << outcome.out;
    const std::string csv = read_file(out_ / "watched.csv");
    for (const char* part : {",1,0,weight,conv1.weight,", ",1,5,gradient,fc2.bias,", ",2,10,activation,conv3,", ",2,15,error,<output>,", ",2,15,state,velocity.conv1.weight,"})
        EXPECT_NE(csv.find(part), std::string::npos) << part;
    // The checkpoint after the first epoch, with a CSV that went on to step 15.
    Arguments first = plus(flags, watched("first"));
    *(std::find(first.begin(), first.end(), "--epochs") + 1) = "1";
    ASSERT_EQ(train(first).code, 0);
    write_file(out_ / "first.csv", csv);
    ASSERT_EQ(train(plus(plus(flags, watched("first")), {"--resume", out_ / "first"})).code, 0);
    EXPECT_EQ(read_file(out_ / "first.csv"), csv);
    EXPECT_EQ(train({"--watch", "5"}).code, 2);
}

TEST_F(Lenet, SeedsDiffer) {
    for (const std::string seed : {"1", "2"})
        ASSERT_EQ(train({"--epochs", "1", "--quiet", "--limit", "40", "--seed", seed, "--save", (out_ / seed).string()}).code, 0);
    EXPECT_FALSE(read_file(out_ / "1") == read_file(out_ / "2"));
}

const Arguments long_run{"--posit", "--errors", "posit(8,2) stochastic", "--epochs", "3", "--quiet", "--save-every", "1"};

// Ten of the hundred that apps/reproduce/kill.sh does.
TEST_F(Lenet, KilledAndResumedRunEndsInTheSameBytes) {
    const Arguments whole = with_data(plus(long_run, {"--save", out_ / "whole.st", "--csv", out_ / "whole.csv"}));
    ASSERT_EQ(run(TAPER_LENET, whole).code, 0);
    const std::string checkpoint = out_ / "parts.st";
    const Arguments parts = with_data(plus(long_run, {"--save", checkpoint, "--csv", out_ / "parts.csv"})), resumed = plus(parts, {"--resume", checkpoint});
    std::mt19937 random(std::random_device{}());
    int killed = 0;
    for (int i = 0; i < 10; ++i) {
        Running running(TAPER_LENET, fs::exists(checkpoint) ? resumed : parts);
        wait_for(checkpoint);
        std::this_thread::sleep_for(std::chrono::milliseconds(10 + random() % 80));
        running.signal(SIGKILL);
        const int code = running.wait().code;
        EXPECT_TRUE(code == 0 || code == 128 + SIGKILL) << code;
        killed += code != 0;
    }
    EXPECT_GT(killed, 0);
    const Outcome last = run(TAPER_LENET, resumed);
    ASSERT_EQ(last.code, 0) << last.err;
    EXPECT_TRUE(read_file(out_ / "whole.st") == read_file(checkpoint));
    EXPECT_TRUE(read_file(out_ / "whole.st.best") == read_file(checkpoint + ".best"));
    EXPECT_EQ(without_seconds(out_ / "whole.csv"), without_seconds(out_ / "parts.csv"));
}

TEST_F(Lenet, SignalSavesAndResumeEndsInTheSameBytes) {
    const Arguments flags{"--posit", "--epochs", "4", "--quiet"};
    ASSERT_EQ(train(plus(flags, {"--save", out_ / "whole.st"})).code, 0);
    const Arguments part = plus(flags, {"--save", out_ / "part.st", "--save-every", "1"});
    Running running(TAPER_LENET, with_data(part));
    wait_for(out_ / "part.st");
    running.signal(SIGTERM);
    const Outcome stopped = running.wait();
    EXPECT_EQ(stopped.code, 128 + SIGTERM);
    expect_sentence(stopped, "continue with --resume");
    ASSERT_EQ(train(plus(part, {"--resume", out_ / "part.st"})).code, 0);
    EXPECT_TRUE(read_file(out_ / "whole.st") == read_file(out_ / "part.st"));
}

TEST_F(Lenet, RefusesACheckpointOfAnotherRun) {
    const std::string checkpoint = out_ / "c.st";
    ASSERT_EQ(train({"--posit", "--limit", "40", "--epochs", "1", "--quiet", "--save", checkpoint}).code, 0);
    Outcome outcome = train({"--posit", "--limit", "40", "--lr", "0.5", "--resume", checkpoint});
    EXPECT_EQ(outcome.code, 1);
    expect_sentence(outcome, "other settings: " + checkpoint + " was made with lr 0.0625 (want 0.5)");
    outcome = train({"--limit", "40", "--resume", checkpoint});
    EXPECT_EQ(outcome.code, 1);
    expect_sentence(outcome, "another precision");
    outcome = train({"--posit", "--limit", "40", "--step", "every-operation", "--resume", checkpoint});
    EXPECT_EQ(outcome.code, 1);
    expect_sentence(outcome, "another optimizer");
    write_file(checkpoint, read_file(checkpoint).substr(0, 1000));
    outcome = train({"--posit", "--limit", "40", "--resume", checkpoint});
    EXPECT_EQ(outcome.code, 1);
    expect_sentence(outcome, "c.st");
}

}  // namespace
}  // namespace taper::test
