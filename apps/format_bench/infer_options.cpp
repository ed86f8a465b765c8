#include "infer_options.h"

#include <CLI/CLI.hpp>

#include <taper/formats/error.h>

#include "common/device_option.h"
#include "format_list.h"

namespace taper::apps {
namespace {

const char* const footer = R"text(
What is rounded: the weight of every linear and convolution layer, and what the layer reads, each to nearest; results, biases and norms
stay float32, or --others.  Scales are powers of two, one a layer for the weights and one for what it reads, the latter from --calibration
training images.  max_fit: the smallest scale with which the largest magnitude lies within the format's most precise range (posit(8,1): up
to 4; floats, fixed point: up to the largest value), or below.  sqnr: of that one and the four on either side, the one with the most signal to
noise.  Formats of more than 16 bits, and --scale none, keep the scales of their names: "posit(8,1)*0.25".
A value beyond the calibrated ones may overflow e4m3 to NaN; e4m3,sat saturates.

float32 is evaluated first, and alone where no formats are named.
Lists: names of formats, numbers may be ranges: "posit(4..8,0..2), e4m3, fixed(8,6)".
Patterns name layers: * any characters but dots, ** any, <first> and <last>; an exempt layer is in --exempt-format.

Examples:
  format_bench infer resnet20.safetensors --model resnet20 --data cifar10 --formats "posit(4..8,0..2), e4m3, e5m2" --csv r20.csv --plot r20.png
  format_bench infer resnet20.safetensors --model resnet20 --data cifar10 --weights "posit(4..8,1)" --exempt "<first>" --exempt "<last>"
  format_bench infer lenet.st --model lenet5 --data mnist --formats "posit(6,1)" --accumulate exact --scale sqnr --limit 1000

With --csv a stopped run goes on where it was: rows with the same settings, weights and images are not evaluated again.
Exit codes: 0 done, 1 an error, told in one sentence, 2 a bad command line, 130 or 143 stopped by a signal.
)text";

// An option whose text `parse` reads.
template <class Value, class Parse>
CLI::Option* add_parsed(CLI::App& app, const std::string& flag, Value& value, Parse parse, const std::string& help, const char* type, const char* group) {
    const auto read = [&value, parse, flag](const std::string& text) {
        try {
            value = parse(text);
        } catch (const Error& error) {
            throw CLI::ValidationError(flag, error.what());
        }
    };
    return app.add_option_function<std::string>(flag, read, help)->type_name(type)->group(group);
}

// A format that arithmetic takes.
Format parse_one(const std::string& text) {
    const std::vector<Format> formats = parse_format_list(text);
    if (formats.size() != 1) throw Error("several formats came: \"" + text + "\" (want one)");
    return formats[0];
}

void add_formats(CLI::App& app, InferOptions& o) {
    const char* group = "Formats";
    auto* both = add_parsed(app, "--formats", o.both, parse_format_list, "for weights and what layers read alike", "LIST", group);
    add_parsed(app, "--weights", o.weights, parse_format_list, "for weights alone, in all combinations with those of --activations; float32 where left out",
               "LIST", group)
        ->excludes(both);
    add_parsed(app, "--activations", o.activations, parse_format_list, "for what layers read", "LIST", group)->excludes(both);
    add_parsed(app, "--scale", o.scale, parse_scale_rule, "rule of constant scales: none, max_fit or sqnr", "RULE", group)->default_str(name(o.scale));
    add_parsed(app, "--accumulate", o.accumulator, Accumulator::parse, "how products are summed: float32, exact, \"rounded(posit(16,1))\", ...", "NAME", group)
        ->default_str("float32");
    app.add_option("--exempt", o.exempt, "layers in --exempt-format; may come several times")->type_name("PATTERN")->expected(1)->take_all()->group(group);
    add_parsed(app, "--exempt-format", o.exempt_format, parse_one, "of exempt layers", "FORMAT", group)->default_str(o.exempt_format.name());
    add_parsed(app, "--others", o.others, parse_one, "of all results, biases and norms", "FORMAT", group)->default_str("float32");
}

void add_data(CLI::App& app, InferOptions& o) {
    const char* group = "Network and data";
    app.add_option("--model", o.model, "its network: resnet20, lenet5, ...; a wrong name lists them")->required()->type_name("NAME")->group(group);
    app.add_option("--data", o.data, "folder of CIFAR-10, CIFAR-100, idx files, or train/ and test/ of images")->required()->type_name("DIR")->group(group);
    app.add_option("--limit", o.limit, "evaluate on the first N test images alone")->type_name("N")->check(CLI::PositiveNumber)->group(group);
    app.add_option("--calibration", o.calibration, "training images that the scales of activations are found with")
        ->capture_default_str()
        ->type_name("N")
        ->check(CLI::PositiveNumber)
        ->group(group);
    app.add_option("--mean", o.mean, "of pixels from 0 to 1, one number or one a channel; default: the model's")
        ->type_name("X,..")
        ->delimiter(',')
        ->group(group);
    app.add_option("--std", o.deviation, "their standard deviation")->type_name("X,..")->delimiter(',')->check(CLI::PositiveNumber)->group(group);
    app.add_option("--batch", o.batch, "images at a time")->capture_default_str()->type_name("N")->check(CLI::PositiveNumber)->group(group);
    app.add_option("--threads", o.threads, "default: one a core")->type_name("N")->check(CLI::PositiveNumber)->group(group);
    add_device_option(app, o.device, group);
}

}  // namespace

std::vector<FormatPair> InferOptions::pairs() const {
    std::vector<FormatPair> all;
    for (const Format& f : both) all.push_back({f, f});
    const std::vector<Format> float32{Format::float32()};
    if (weights.empty() && activations.empty()) return all;
    for (const Format& w : weights.empty() ? float32 : weights)
        for (const Format& a : activations.empty() ? float32 : activations) all.push_back({w, a});
    return all;
}

void add_infer(CLI::App& app, InferOptions& o) {
    CLI::App* infer = app.add_subcommand("infer", "evaluates a trained network with weights and inputs of layers in each of many formats");
    infer->footer(footer);
    infer->add_option("CHECKPOINT", o.checkpoint, "weights: a safetensors file with the network's names, or a checkpoint of taper's")
        ->required()
        ->type_name("FILE");
    add_data(*infer, o);
    add_formats(*infer, o);
    const char* group = "Output";
    infer->add_option("--csv", o.csv, "one line a combination, written as it is done; the rows in it are taken over")->type_name("FILE")->group(group);
    infer->add_option("--plot", o.plot, "accuracy against bits, drawn by gnuplot if it is installed")->type_name("FILE.png")->group(group);
    infer->add_flag("--quiet", o.quiet, "no progress, no line a combination")->group(group);
}

}  // namespace taper::apps
