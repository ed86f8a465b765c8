// Recipes: text to recipe and back, what they do to a network, presets, checkpoints, and what is refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support.h"

namespace taper::nn {
namespace {

using tests::error_of;
using tests::p16;
using tests::p8;

const Format p16_1 = Format::posit(16, 1), p6 = Format::posit(6, 1);

// Two blocks and a head; a point of its own that rounds.
struct Block : Module {
    Linear conv1{4, 4}, conv2{4, 4};
    Block() { add("conv1", conv1), add("conv2", conv2); }

  protected:
    Variable forward(const Variable& x) override { return conv2(round("middle", relu(conv1(x)))); }
};
struct Net : Module {
    Block layer1, layer2;
    Linear fc{4, 2};
    Net() { add("layer1", layer1), add("layer2", layer2), add("fc", fc); }
    Module& at(const std::string& name) {
        for (const auto& [full, module] : modules())
            if (full == name) return *module;
        throw Error("no such module: " + name);
    }

  protected:
    Variable forward(const Variable& x) override { return fc(layer2(layer1(x))); }
};

std::string read_docs() {
    std::ifstream file(std::string(TAPER_DOCS) + "/recipes.md");
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Recipe, TheExampleOfTheDocumentationParsesAndPrints) {
    const std::string page = read_docs();
    const std::size_t begin = page.find("```json\n") + 8;
    const Recipe recipe = parse_recipe(page.substr(begin, page.find("```", begin) - begin));
    EXPECT_EQ(recipe.name, "careful_ends");
    EXPECT_EQ(recipe.precision.errors, Target(p8, Rounding::stochastic));
    EXPECT_EQ(recipe.precision.loss, Target(p16));
    EXPECT_EQ(recipe.precision.forward, Accumulator::exact());
    EXPECT_EQ(recipe.precision.backward_data, Accumulator());
    ASSERT_EQ(recipe.layers.size(), 2u);
    EXPECT_EQ(recipe.layers[1].layers, "<last>");
    EXPECT_EQ(recipe.layers[1].accumulators[0], Accumulator::float32());
    ASSERT_EQ(recipe.roundings.size(), 2u);
    EXPECT_EQ(recipe.roundings[0].target, Output(p8));
    EXPECT_EQ(recipe.roundings[1].target, Output());
    EXPECT_EQ(parse_recipe(print(recipe)), recipe);
    LeNet5 model;
    apply(recipe, model);
    EXPECT_EQ(model.conv1.precision().weights, Target(p16_1));
    EXPECT_EQ(model.fc2.precision().forward, Accumulator::float32());
    EXPECT_EQ(describe_rules(recipe).back(), (std::pair<std::string, std::string>("fc*.output", "none")));
    EXPECT_EQ(describe_rules(recipe).front(), (std::pair<std::string, std::string>("<first> weights", "posit(16,1)")));
}

TEST(Recipe, TheOptimizersStepGoesThroughText) {
    for (const char* step : {"results", "every_operation", "fused"}) {
        const Recipe recipe = parse_recipe(std::string("{\"step\": \"") + step + "\"}");
        EXPECT_EQ(parse_recipe(print(recipe)), recipe);
        EXPECT_EQ(print(recipe).find("step") == std::string::npos, recipe == Recipe{}) << print(recipe);
    }
    EXPECT_EQ(parse_recipe(R"({"step": "every_operation"})").step, core::StepRounding::every_operation);
    EXPECT_EQ(find_recipe("positnn_o12_l12").step, core::StepRounding::fused);
    EXPECT_EQ(find_recipe("qtorch_mnist").step, core::StepRounding::results);
    EXPECT_NE(error_of([] { parse_recipe(R"({"step": "each"})"); }).find("recipe: \"step\": "), std::string::npos);
}

TEST(Recipe, EveryRoleGoesThroughText) {
    for (std::size_t i = 0; i < target_roles.size(); ++i) {
        Recipe recipe;
        recipe.precision.*target_roles[i].target = {p6, Rounding::zero};
        const std::string text = print(recipe);
        EXPECT_NE(text.find(std::string("\"") + target_roles[i].name + "\": \"posit(6,1) zero\""), std::string::npos) << text;
        EXPECT_EQ(parse_recipe(text), recipe);
    }
    for (const auto& role : accumulator_roles) {
        Recipe recipe;
        recipe.precision.*role.accumulator = Accumulator::exact();
        EXPECT_EQ(parse_recipe(print(recipe)), recipe);
        EXPECT_NE(recipe, Recipe{});
    }
    EXPECT_EQ(parse_recipe("{}"), Recipe{});
    const Recipe odd{.name = "a \"quoted\" name\n", .layers = {{.layers = "**"}}, .roundings = {{"", "middle", {}}}};
    EXPECT_EQ(parse_recipe(print(odd)), odd);
}

TEST(Recipe, PresetsParseUnderTheirNamesAndAreInTheDocumentation) {
    const std::string page = read_docs();
    EXPECT_EQ(recipe_names().size(), 10u);
    for (const std::string& name : recipe_names()) {
        const Recipe recipe = find_recipe(name);
        EXPECT_EQ(recipe.name, name);
        EXPECT_EQ(parse_recipe(print(recipe)), recipe);
        EXPECT_NE(page.find("`" + name + "`"), std::string::npos) << name;
    }
    EXPECT_EQ(find_recipe("posit").precision, tests::posit_precision());
    Precision positnn = tests::posit_precision();
    positnn.loss = positnn.master = positnn.state = Format::posit(12, 2);
    positnn.forward = positnn.backward_data = positnn.backward_weights = Accumulator::exact();
    EXPECT_EQ(find_recipe("positnn_o12_l12").precision, positnn);
}

TEST(Recipe, LaterRulesWinAndTakeWhatIsInside) {
    Recipe recipe{.precision = {.weights = p8, .gradients = p8, .master = p16}};
    recipe.layers = {{.layers = "layer*", .targets = {std::nullopt, p6}},
                     {.layers = "layer2.conv*", .targets = {std::nullopt, std::nullopt, p16}},
                     {.layers = "**.conv2", .targets = {std::nullopt, p16_1}},
                     {.layers = "", .targets = {std::nullopt, std::nullopt, p6}}};
    Net net;
    apply(recipe, net);
    const auto weights = [&](const char* name) { return net.at(name).precision().weights.format; };
    const auto activations = [&](const char* name) { return net.at(name).precision().activations.format; };
    EXPECT_EQ(weights("layer1.conv1"), p6);
    EXPECT_EQ(weights("layer1.conv2"), p16_1);
    EXPECT_EQ(weights("layer2"), p6);
    EXPECT_EQ(weights("fc"), p8);
    EXPECT_EQ(activations("layer1.conv1"), Format::float32());
    EXPECT_EQ(activations("layer2.conv1"), p16);
    EXPECT_EQ(activations("layer2"), Format::float32());
    EXPECT_EQ(net.precision().activations.format, p6);
    EXPECT_EQ(net.layer1.conv1.weight().variable.format(), p6);
    EXPECT_EQ(net.layer1.conv1.weight().variable.gradient_target(), Target(p8));
}

TEST(Recipe, FirstAndLastAreExempt) {
    Recipe recipe{.precision = {.weights = p8}};
    for (const char* end : {"<first>", "<last>"}) recipe.layers.push_back({.layers = end, .targets = {std::nullopt, p16_1}});
    Net net;
    apply(recipe, net);
    for (const auto& [name, parameter] : net.parameters())
        EXPECT_EQ(parameter->variable.format(), name.rfind("layer1.conv1.", 0) == 0 || name.rfind("fc.", 0) == 0 ? p16_1 : p8) << name;
}

// Rounding a parameter into the network's master first would lose the bits of an exempt one.
TEST(Recipe, RoundsParametersOnce) {
    Net net;
    const auto initial = net.fc.weight().variable.value().to_vector();
    Recipe recipe{.precision = {.weights = p6, .master = p8}, .layers = {{.layers = "fc"}}};
    recipe.layers[0].targets[6] = Target();  // the master
    apply(recipe, net);
    EXPECT_EQ(net.fc.weight().master.to_vector(), initial);
    EXPECT_EQ(net.layer1.conv1.weight().master.format(), p8);
}

TEST(Recipe, RoundingPointsAreSlotsByName) {
    const Format small = Format::posit(5, 1);
    Recipe recipe{.precision = {.inputs = p16, .weights = p8, .activations = p8}};
    recipe.roundings = {{"layer*", "middle", Target(small)}, {"layer2", "middle", {}}, {"fc", "input", Target(p6)}, {"", "output", Target(p16)}};
    Net net;
    apply(recipe, net);
    EXPECT_EQ(net.roundings().at("input"), Output(p16));
    EXPECT_EQ(net.layer1.roundings().at("middle"), Output(small));
    EXPECT_EQ(net.layer2.roundings().at("middle"), Output());
    EXPECT_EQ(net.layer1.conv1.roundings().size(), 0u);
    const Tensor x = uniform({3, 4}, -1, 1);
    EXPECT_EQ(net(x).format(), p16);
    const Variable y = net.layer1.conv1(Variable(x).value().to(p16));
    EXPECT_EQ(net.layer1(x.to(p16)).value().codes(), net.layer1.conv2(relu(y).value().to(small)).value().codes());
}

TEST(Recipe, CheckpointsKeepPrecisionsAndPoints) {
    Recipe recipe{.precision = {.weights = p8, .master = p16}, .layers = {{.layers = "fc", .targets = {std::nullopt, p16_1}}}};
    recipe.roundings = {{"layer1", "middle", Target(p8)}, {"layer2", "middle", {}}};
    const tests::TemporaryFolder folder;
    const auto file = folder.path / "c.st";
    Net net;
    apply(recipe, net);
    Sgd sgd(net.parameters(), {.lr = 0.1});
    save_checkpoint(file, net, sgd, {});
    EXPECT_EQ(load(file).metadata.at("rounding.layer1.middle"), "posit(8,2)");
    EXPECT_EQ(load(file).metadata.at("rounding.layer2.middle"), "none");
    EXPECT_EQ(load(file).metadata.count("rounding..input"), 0u);
    const auto load_with = [&](const Recipe& other) {
        Net fresh;
        apply(other, fresh);
        Sgd fresh_sgd(fresh.parameters(), {.lr = 0.1});
        load_checkpoint(file, fresh, fresh_sgd);
        EXPECT_EQ(tests::all_codes(fresh, fresh_sgd), tests::all_codes(net, sgd));
    };
    load_with(recipe);
    Recipe other = recipe;
    other.roundings[0].target = p6;
    EXPECT_EQ(error_of([&] { load_with(other); }),
              "load_checkpoint: another rounding point: " + file.string() + " has layer1.middle posit(8,2) (want posit(6,1))");
    other = recipe;
    other.roundings.pop_back();
    EXPECT_NE(error_of([&] { load_with(other); }).find("has layer2.middle none (want its default)"), std::string::npos);
    other = recipe;
    other.layers.clear();
    EXPECT_NE(error_of([&] { load_with(other); }).find("another precision"), std::string::npos);
}

TEST(Recipe, ScalesAreKeysOrPartsOfNames) {
    const Recipe keys = parse_recipe(R"j({"weights": "posit(8,1) zero", "activations": "posit(8,1)", "scale": {"weights": 0.125, "activations": 2},
        "layers": [{"match": "fc", "weights": "posit(8,1)*2", "scale": {"weights": 4}}],
        "roundings": [{"match": "fc", "slot": "output", "format": "e4m3", "scale": 0.5}]})j");
    const Recipe names = parse_recipe(R"j({"weights": "posit(8,1)*0.125 zero", "activations": "posit(8,1) * 2",
        "layers": [{"match": "fc", "weights": "posit(8,1) *8"}], "roundings": [{"match": "fc", "slot": "output", "format": "e4m3*0.5"}]})j");
    EXPECT_EQ(keys, names);
    EXPECT_EQ(parse_recipe(print(keys)), keys);
    EXPECT_EQ(text(keys.precision.weights), "posit(8,1)*0.125 zero");
}

TEST(Recipe, ErrorsNameTheKey) {
    const std::string roles = "inputs, weights, activations, errors, gradients, loss, master, state, forward, backward_data, backward_weights";
    const std::vector<std::pair<std::string, std::string>> cases{
        {"{`weight`: `posit(8,2)`}", "unknown key: `weight` (want name, " + roles + ", scale, step, layers, roundings)"},
        {"{`scale`: 4}", "not an object: `scale` is number (want roles with their scales)"},
        {"{`weights`: `posit(8,2)`, `scale`: {`errors`: 4}}", "a scale without a format: `errors` (want a role with its format beside `scale`)"},
        {"{`weights`: `posit(8,2)`, `scale`: {`forward`: 4}}", "a scale without a format: `forward` (want a role with its format beside `scale`)"},
        {"{`weights`: `posit(8,2)`, `scale`: {`weights`: `4`}}", "not a number: the scale of `weights` is string (want a power of two)"},
        {"{`weights`: `posit(8,2)`, `scale`: {`weights`: 3}}",
         "the scale of `weights`: Format: scale is not a power of two: posit(8,2)*3 (want one, with which every value stays exact)"},
        {"{`layers`: [{`match`: `fc`, `errrors`: `posit(8,2)`}]}", "unknown key: `errrors` (want match, " + roles + ", scale)"},
        {"{`roundings`: [{`match`: `fc`, `slot`: `input`, `format`: `none`, `scale`: 2}]}",
         "a scale without a format: `scale` at a rounding point of none (want a format)"},
        {"{`layers`: [{`match`: `fc`, `loss`: `posit(8,2)`}]}", "a role of the network, not of layers: `loss` (want it outside `layers`)"},
        {"{`layers`: [{`weights`: `posit(8,2)`}]}", "an entry of `layers` lacks a key: `match` (want a pattern of layers)"},
        {"{`layers`: {`fc`: 1}}", "not a list: `layers` is object (want an array of objects)"},
        {"{`layers`: [3]}", "not an object: `layers` holds number (want objects)"},
        {"{`roundings`: [{`match`: `fc`, `slot`: `input`}]}", "a rounding point lacks a key: `format` (want match, slot and format)"},
        {"{`roundings`: [{`match`: `fc`, `slot`: ``, `format`: `e4m3`}]}",
         "a rounding point has no name: `slot` is empty (want input, output or a model's own)"},
        {"{`roundings`: [{`match`: `fc`, `slot`: `input`, `formats`: `e4m3`}]}", "unknown key: `formats` (want match, slot, format, scale)"},
        {"{`roundings`: [{`match`: ``, `slot`: `input`, `format`: `e4m3`}]}",
         "a rounding point that is a role: the network's `input` (want the role `inputs`)"},
        {"{`weights`: 8}", "not a text: `weights` is number (want a string)"},
        {"{`weights`: `e4m3`, `weights`: `e5m2`}", "a key comes twice: `weights` (want each once)"},
        {"{`forward`: `sloppily`}", "`forward`: " + error_of([] { Accumulator::parse("sloppily"); })},
        {"{`state`: `posit(8,2) upward`}", "`state`: " + error_of([] { parse_rounding("upward"); })},
        {"[`weights`]", "not an object: array came (want an object of roles)"},
        {"{`weights`: `e4m3`", "not JSON: an error at byte 19 (want an object of roles)"},
        {"", "not JSON: an error at byte 1 (want an object of roles)"},
        {std::string(100000, '['), "nested too deep: more than 8 levels came (want at most 2)"},
    };
    const auto quoted = [](std::string text) {
        std::replace(text.begin(), text.end(), '`', '"');
        return text;
    };
    for (const auto& [json, sentence] : cases) EXPECT_EQ(error_of([&] { parse_recipe(quoted(json)); }), "recipe: " + quoted(sentence)) << json.substr(0, 100);

    Net net;
    const auto before = net.fc.weight().variable.value().codes();
    EXPECT_EQ(error_of([&] { apply({.precision = {.weights = p8}, .layers = {{.layers = "conv"}}}, net); }),
              "recipe: a pattern names no module: \"conv\" (want one of layer1, layer1.conv1, layer1.conv2, layer2, layer2.conv1, layer2.conv2, fc)");
    EXPECT_EQ(net.fc.weight().variable.value().codes(), before);
    EXPECT_EQ(error_of([&] {
                  find_recipe("/no/such/file");
              }).find("recipe: neither a preset nor a file that can be read: /no/such/file (want a file, or one of float32"),
              0u);
    const tests::TemporaryFolder folder;
    EXPECT_NE(error_of([&] { find_recipe(folder.path.string()); }).find("neither a preset nor a file"), std::string::npos);
    const auto file = folder.path / "r.json";
    tests::write_file(file, "{\"wights\": 1}");
    EXPECT_EQ(error_of([&] { find_recipe(file.string()); }).find(file.string() + ": recipe: unknown key: \"wights\""), 0u);
    tests::write_file(file, std::string((1 << 20) + 2, ' '));
    EXPECT_NE(error_of([&] { find_recipe(file.string()); }).find("the file is too large"), std::string::npos);
    tests::write_file(file, print(find_recipe("posit")));
    EXPECT_EQ(find_recipe(file.string()), find_recipe("posit"));
}

}  // namespace
}  // namespace taper::nn
