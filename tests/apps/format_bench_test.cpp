// format_bench as a user meets it, and its parts: lists of formats, rules of scales, results that grow.  The network is a LeNet-5 of random weights,
// the data are random images with its own float32 answers as labels, so that float32 is right on all.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <sstream>

#include <taper/core/ops.h>
#include <taper/core/random.h>
#include <taper/formats/convert.h>
#include <taper/nn/models/lenet5.h>
#include <taper/nn/models/models.h>

#include "format_bench/format_list.h"
#include "format_bench/placed_model.h"
#include "format_bench/scale_rule.h"
#include "program.h"
#include "support/throws.h"

namespace taper::test {
namespace {

using taper::apps::fitted;
using taper::apps::parse_format_list;
using taper::apps::precise_limit;
using taper::apps::Sample;
using taper::apps::ScaleRule;
using tests::error_of;

std::string names(const std::string& list) {
    std::string text;
    for (const Format& f : parse_format_list(list)) text += (text.empty() ? "" : " ") + f.name();
    return text;
}

TEST(FormatList, RangesAreCombined) {
    EXPECT_EQ(names("posit(4..5,0..2), e4m3"), "posit(4,0) posit(4,1) posit(4,2) posit(5,0) posit(5,1) posit(5,2) e4m3");
    EXPECT_EQ(names(" e4m3,sat , posit( 6 , 1 )*0.25,e4m3, sat*2"), "e4m3,sat posit(6,1)*0.25 e4m3,sat*2");
    EXPECT_EQ(names("fixed(8,-1..1), fixed(8,0)"), "fixed(8,-1) fixed(8,0) fixed(8,1)");
    EXPECT_EQ(error_of([] { names("posit(5..4,1)"); }), "format list: an empty range: \"posit(5..4,1)\" (want FIRST <= LAST)");
    EXPECT_EQ(error_of([] { names("posit(..4,1)"); }), "format list: not a range of whole numbers: \"posit(..4,1)\" (want FIRST..LAST, as in posit(4..8,1))");
    EXPECT_EQ(error_of([] { names("int32"); }), "format list: holds indices: int32 (want number formats)");
    EXPECT_NE(error_of([] { names("posit(4,1),"); }).find("malformed name"), std::string::npos);
    EXPECT_NE(error_of([] { names(""); }).find("malformed name"), std::string::npos);
    EXPECT_NE(error_of([] { names("fixed(1..24,-60..60)"); }).find("more than 1000 formats"), std::string::npos);
}

TEST(ScaleRules, LimitsOfThePreciseRange) {
    const std::vector<std::pair<const char*, double>> limits{{"posit(8,0)", 2},          {"posit(8,1)", 4},  {"posit(8,2)", 16},     {"posit(4,2)", 16},
                                                             {"posit(16,1)", 4},         {"e4m3", 448},      {"e5m2", 57344},        {"e2m1", 6},
                                                             {"fixed(8,6)", 127.0 / 64}, {"posit(5,2)", 16}, {"posit(8,1)*0.25", 1}, {"fp16", 65504}};
    for (const auto& [name, limit] : limits) EXPECT_EQ(precise_limit(Format::parse(name)), limit) << name;
    EXPECT_NE(error_of([] { precise_limit(Format::posit(17, 1)); }).find("too many codes: posit(17,1)"), std::string::npos);
}

TEST(ScaleRules, MaxFitIsTheSmallestThatHolds) {
    for (const double largest : {1e-3, 0.24, 0.25, 0.2500001, 1.0, 3.99, 4.0, 4.01, 7e5}) {
        Sample sample;
        sample.add({static_cast<float>(-largest), 0.0f, NAN, INFINITY});
        for (const char* name : {"posit(8,1)", "e4m3", "fixed(8,6)", "posit(5,0)"}) {
            const Format f = Format::parse(name), scaled = fitted(f, ScaleRule::max_fit, sample);
            const double limit = precise_limit(f) * scaled.scale();
            EXPECT_TRUE(sample.largest <= limit && sample.largest > limit / 2) << name << " " << largest << " gave " << scaled.name();
        }
    }
    EXPECT_EQ(fitted(Format::posit(8, 1), ScaleRule::max_fit, {}).name(), "posit(8,1)");  // nothing but zeros
    EXPECT_EQ(fitted(Format::posit(8, 1), ScaleRule::none, {3, {3}}).name(), "posit(8,1)");
    EXPECT_EQ(fitted(Format(), ScaleRule::sqnr, {3, {3}}), Format());
    EXPECT_EQ(error_of([] { fitted(Format::parse("posit(8,1)*4"), ScaleRule::max_fit, {}); }),
              "scale rule: max_fit beside a scale of the format's own: posit(8,1)*4 (want the rule none, or no scale)");
    EXPECT_EQ(error_of([] { apps::parse_scale_rule("best"); }), "scale rule: no such rule: best (want none, max_fit or sqnr)");
}

TEST(ScaleRules, SqnrHasTheLeastNoiseAmongItsCandidates) {
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    Sample sample;
    std::vector<float> x;
    for (int i = 0; i < 5000; ++i) x.push_back(normal(random) * (i % 100 == 0 ? 8.0f : 0.5f));
    sample.add(x);
    const auto noise = [&](const Format& f) {
        double sum = 0;
        for (const float v : x) sum += std::pow(decode_one(f, encode_one(f, v)) - v, 2);
        return sum;
    };
    for (const char* name : {"posit(6,1)", "fixed(6,4)", "e4m3", "e5m2", "posit(4,2)"}) {
        const Format f = Format::parse(name), best = fitted(f, ScaleRule::sqnr, sample), fitting = fitted(f, ScaleRule::max_fit, sample);
        for (int k = -4; k <= 4; ++k) {
            const double n = noise(fitting.scaled(std::ldexp(fitting.scale(), k)));
            EXPECT_TRUE(!std::isfinite(n) || noise(best) <= n) << name << " " << best.name() << " " << k;
        }
    }
}

class FormatBench : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        folder_ = std::make_unique<TemporaryFolder>();
        Generator generator(11);
        nn::LeNet5 model(generator);
        NamedTensors weights;
        for (const auto& [name, tensor] : model.state()) {
            const double fan_in = static_cast<double>(tensor.rank() > 1 ? tensor.elements() / tensor.size(0) : 4);
            weights[name] = core::unary(Unary::scale, randn(tensor.shape(), {}, default_device(), generator), std::sqrt(2 / fan_in));
        }
        model.load(weights);
        save(weights_file(), weights);
        NamedTensors checkpoint{{"optimizer.lr", Tensor::zeros({1})}};
        for (const auto& [name, tensor] : weights) checkpoint["model." + name] = tensor;
        save(*folder_ / "run.st", checkpoint);
        write_images(model, "train", 40, 1);
        write_images(model, "t10k", 120, 2);
    }
    static void TearDownTestSuite() { folder_.reset(); }

    static std::filesystem::path weights_file() { return *folder_ / "weights.safetensors"; }

    static void write_images(nn::Module& model, const std::string& split, std::uint32_t count, std::uint32_t seed) {
        const auto big_endian = [](std::uint32_t v) { return std::string{char(v >> 24), char(v >> 16 & 0xff), char(v >> 8 & 0xff), char(v & 0xff)}; };
        std::mt19937 random(seed);
        std::string images = big_endian(0x803) + big_endian(count) + big_endian(28) + big_endian(28), labels = big_endian(0x801) + big_endian(count);
        std::vector<float> pixels;
        const nn::ModelEntry& entry = nn::find_model("lenet5");
        const nn::Normalisation normalise{entry.mean, entry.deviation};
        for (std::uint32_t i = 0; i < count; ++i) {
            const int row = static_cast<int>(random() % 20), column = static_cast<int>(random() % 20);
            for (int at = 0; at < 784; ++at) {
                const bool bright = at / 28 >= row && at / 28 < row + 8 && at % 28 >= column && at % 28 < column + 8;
                const std::uint8_t pixel = static_cast<std::uint8_t>(random() % 60 + (bright ? 180 : 0));
                images += static_cast<char>(pixel);
                pixels.push_back(normalise(pixel));
            }
        }
        model.eval();
        const NoGrad no_grad;
        for (const std::int32_t label : core::argmax(model(Tensor::from(pixels, {count, 1, 28, 28})).value()).to_int32_vector())
            labels += static_cast<char>(label);
        write_file(*folder_ / (split + "-images-idx3-ubyte"), images);
        write_file(*folder_ / (split + "-labels-idx1-ubyte"), labels);
    }

    static Outcome infer(const Arguments& more, const std::string& checkpoint = "weights.safetensors") {
        Arguments arguments{"infer", (*folder_ / checkpoint).string(), "--model", "lenet5", "--data", folder_->path().string(), "--threads", "1", "--quiet"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run(TAPER_FORMAT_BENCH, arguments);
    }
    // Fields of a line of the CSV file whose weights' and activations' formats are these, less the 12 fields before.
    static std::vector<std::string> results(const std::filesystem::path& csv, const std::string& formats) {
        std::istringstream lines(read_file(csv));
        for (std::string line; std::getline(lines, line);) {
            const std::size_t at = line.find("," + formats + ",");
            if (at == std::string::npos) continue;
            std::istringstream rest(line.substr(at + formats.size() + 2));
            std::vector<std::string> fields;
            for (std::string field; std::getline(rest, field, ',');) fields.push_back(field);
            return fields;
        }
        return {};
    }
    static std::size_t lines_of(const std::filesystem::path& csv) {
        const std::string text = read_file(csv);
        return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    }

    static inline std::unique_ptr<TemporaryFolder> folder_;
};

TEST_F(FormatBench, EvaluatesAListAndGoesOn) {
    const auto csv = *folder_ / "list.csv";
    const Outcome first = infer({"--formats", "posit(4..5,1), posit(16,1)", "--csv", csv.string()});
    ASSERT_EQ(first.code, 0) << first.err;
    EXPECT_EQ(lines_of(csv), 5u);
    const auto float32 = results(csv, "float32,float32"), wide = results(csv, "\"posit(16,1)\",\"posit(16,1)\""),
               narrow = results(csv, "\"posit(4,1)\",\"posit(4,1)\"");
    ASSERT_EQ(float32.size(), 6u);
    EXPECT_EQ(float32[0], "100.0000");
    EXPECT_EQ(float32[3] + " " + float32[4], "32.0000 4.0000");
    EXPECT_GE(std::stod(wide[0]), 95);
    EXPECT_EQ(wide[3] + " " + wide[4], "16.0000 2.0000");
    EXPECT_EQ(narrow[3] + " " + narrow[4], "4.0000 1.0000");
    EXPECT_LT(std::stod(narrow[0]), std::stod(wide[0]));
    EXPECT_NEAR(std::stod(narrow[1]), std::stod(narrow[0]) - 100, 1e-9);
    EXPECT_NE(first.out.find("posit(16,1)"), std::string::npos);

    // Rows that are there are taken over; this one is made to show it.
    std::string text = read_file(csv);
    text.replace(text.find(narrow[0]), narrow[0].size(), "12.3456");
    write_file(csv, text);
    const Outcome second = infer({"--formats", "posit(4..6,1)", "--csv", csv.string()});
    ASSERT_EQ(second.code, 0) << second.err;
    EXPECT_EQ(lines_of(csv), 6u);
    EXPECT_NE(second.out.find("12.35"), std::string::npos) << second.out;
    // Other images are other evaluations.
    EXPECT_EQ(infer({"--formats", "posit(4,1)", "--csv", csv.string(), "--limit", "50"}).code, 0);
    EXPECT_EQ(lines_of(csv), 8u);
}

TEST_F(FormatBench, ACheckpointGivesTheSameAsItsWeights) {
    const Arguments formats{"--formats", "posit(5,1)", "--limit", "60", "--csv"};
    const auto run_into = [&](const std::string& csv, const std::string& checkpoint) {
        Arguments arguments = formats;
        arguments.push_back((*folder_ / csv).string());
        EXPECT_EQ(infer(arguments, checkpoint).code, 0);
        return results(*folder_ / csv, "\"posit(5,1)\",\"posit(5,1)\"")[0];
    };
    EXPECT_EQ(run_into("a.csv", "weights.safetensors"), run_into("b.csv", "run.st"));
}

// The same numbers as the library gives when each layer is set by hand.
TEST_F(FormatBench, PlacesRoundingsAtWeightsAndInputsOfLayers) {
    const auto csv = *folder_ / "placed.csv";
    ASSERT_EQ(infer({"--weights", "posit(4,1)", "--activations", "posit(5,0)", "--scale", "none", "--exempt", "<first>", "--exempt", "fc2", "--accumulate",
                     "exact", "--csv", csv.string()})
                  .code,
              0);
    const auto got = results(csv, "\"posit(4,1)\",\"posit(5,0)\"");
    ASSERT_EQ(got.size(), 6u);
    nn::LeNet5 model;
    model.load(load(weights_file()).tensors);
    nn::ImageSets sets = nn::load_idx_folder(folder_->path());
    const nn::ModelEntry& entry = nn::find_model("lenet5");
    sets.test.normalisation = {entry.mean, entry.deviation};
    const Format p16 = Format::posit(16, 1);
    for (auto* layer : std::initializer_list<nn::Module*>{&model.conv1, &model.conv2, &model.conv3, &model.fc1, &model.fc2}) {
        const bool exempt = layer == &model.conv1 || layer == &model.fc2;
        layer->set_own_precision({.forward = Accumulator::exact()});
        layer->parameters()[0].second->set_precision({.weights = exempt ? p16 : Format::posit(4, 1)});
        layer->set_rounding("input", Target(exempt ? p16 : Format::posit(5, 0)));
    }
    const nn::DataLoader loader(sets.test, {.batch_size = 120, .shuffle = false});
    const apps::Score score = apps::evaluate(model, loader, "", false);
    EXPECT_NEAR(std::stod(got[0]), score.top1(), 1e-4);
    EXPECT_LT(score.top1(), 100);
    const double exempt = 150 + 840, all = 150 + 2400 + 48000 + 10080 + 840;
    EXPECT_NEAR(std::stod(got[3]), (16 * exempt + 4 * (all - exempt)) / all, 1e-4);
}

TEST_F(FormatBench, ScalesComeFromTheTensors) {
    nn::LeNet5 model;
    model.load(load(weights_file()).tensors);
    apps::PlacedModel placed(model, {});
    placed.calibrate(Tensor::full({4, 1, 28, 28}, 100));
    placed.place({.weights = Format::posit(8, 1), .activations = Format::posit(8, 1), .exempt = {}, .others = {}, .scale = ScaleRule::max_fit});
    double largest = 0;
    for (const float w : load(weights_file()).tensors.at("conv2.weight").to_vector()) largest = std::max(largest, std::fabs(static_cast<double>(w)));
    const double limit = 4 * model.conv2.parameters()[0].second->variable.format().scale();
    EXPECT_TRUE(largest <= limit && largest > limit / 2);
    EXPECT_EQ(model.conv1.roundings().at("input")->format.name(), "posit(8,1)*32");  // 100 <= 4 * 32
    EXPECT_EQ(model.conv1.parameters()[1].second->variable.format(), Format::float32());
}

TEST_F(FormatBench, PlotsWhereGnuplotIs) {
    const auto png = *folder_ / "plot.png";
    const Outcome outcome = infer({"--formats", "posit(4..5,0..1), e4m3", "--limit", "20", "--plot", png.string()});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    if (outcome.out.find("No plot") != std::string::npos) GTEST_SKIP() << "gnuplot is not installed";
    EXPECT_EQ(read_file(png).substr(1, 3), "PNG");
}

TEST_F(FormatBench, ErrorsAreSentencesAndCodes) {
    const std::string help = run(TAPER_FORMAT_BENCH, {"infer", "--help"}).out;
    EXPECT_NE(help.find("Examples:"), std::string::npos);
    EXPECT_EQ(run(TAPER_FORMAT_BENCH, {"--help"}).code, 0);
    EXPECT_EQ(run(TAPER_FORMAT_BENCH, {}).code, 2);
    EXPECT_EQ(infer({"--formats", "posit(8)"}).code, 2);
    EXPECT_EQ(infer({"--formats", "e4m3", "--weights", "e4m3"}).code, 2);
    EXPECT_EQ(infer({"--formats", "e4m3", "--scale", "best"}).code, 2);
    const auto sentence = [](const Outcome& outcome) {
        EXPECT_EQ(outcome.code, 1);
        return outcome.err;
    };
    EXPECT_NE(sentence(infer({"--formats", "e4m3", "--exempt", "nothing"})).find("a pattern names no module: \"nothing\""), std::string::npos);
    EXPECT_NE(sentence(infer({"--formats", "e4m3"}, "none.st")).find("none.st"), std::string::npos);
    EXPECT_NE(sentence(infer({"--formats", "posit(8,1)*4"})).find("max_fit beside a scale of the format's own: posit(8,1)*4"), std::string::npos);
    write_file(*folder_ / "foreign.csv", "a,b\n");
    EXPECT_NE(sentence(infer({"--formats", "e4m3", "--csv", (*folder_ / "foreign.csv").string()})).find("not results of infer: "), std::string::npos);
    const Outcome wrong =
        run(TAPER_FORMAT_BENCH, {"infer", weights_file().string(), "--model", "lenet6", "--data", folder_->path().string(), "--formats", "e4m3"});
    EXPECT_EQ(wrong.code, 1);
    EXPECT_EQ(wrong.err.find("format_bench: find_model: no such model: lenet6 (want one of lenet5"), 0u) << wrong.err;
    const Outcome size =
        run(TAPER_FORMAT_BENCH, {"infer", weights_file().string(), "--model", "resnet20", "--data", folder_->path().string(), "--formats", "e4m3"});
    EXPECT_NE(size.err.find("images do not fit the model"), std::string::npos) << size.err;
}

}  // namespace
}  // namespace taper::test
