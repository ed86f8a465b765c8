#include "options.h"

#include <iostream>

#include <taper/formats/error.h>

namespace taper::apps {
namespace {

const char* const footer = R"text(
Examples:
  lenet                                               float32, ten epochs: about 90 % of the test images right
  lenet --posit                                       the same in 8-bit posits, within half a point of it
  lenet --compare --posit --epochs 3 --csv lenet.csv --plot lenet.png
                                                      both side by side, a table and a plot of the curves
  lenet --weights e4m3 --activations e4m3 --errors e5m2 --gradients e5m2 --loss-scale 256
  lenet --posit --gradients "posit(8,2) stochastic"   a rounding after a format: nearest, zero, stochastic
  lenet --posit --accumulate exact                    a quire: one rounding of the exact sum of each dot product
  lenet --posit --accumulate-forward "rounded(posit(16,2))" --accumulate-backward exact
                                                      every step of a forward sum rounded
  lenet --posit --step every-operation --loss-scale 64
                                                      the optimizer's products and sums rounded one by one, errors not divided by the batch
  lenet --posit --save run.st --save-every 100        continue later, bit for bit, with --resume run.st
  lenet --precision positnn_o16_l16                   a published run's formats by name; or a file, see docs/recipes.md
  lenet --data mnist --epochs 5                       MNIST, or any other folder of idx files with 28 x 28 images

An epoch of the 60,000 images takes a few seconds on two cores.  Results do not depend on the number of threads.
Exit codes: 0 done, 1 an error, told in one sentence, 2 a bad command line, 130 or 143 stopped by a signal (after saving).
)text";

void add_options(CLI::App& app, LenetOptions& o) {
    const char* data = "Data";
    app.add_option("--data", o.data, "folder with {train,t10k}-{images-idx3,labels-idx1}-ubyte, plain or .gz; default: Debian's dataset-fashion-mnist")
        ->type_name("DIR")
        ->group(data);
    app.add_option("--limit", o.limit, "train on the first N images alone")->type_name("N")->check(CLI::NonNegativeNumber)->group(data);
    app.add_option("--mean", o.mean, "of the pixels, from 0 to 1; default: measured over the training images (Fashion-MNIST 0.2860, MNIST 0.1307)")
        ->type_name("X")
        ->group(data);
    app.add_option("--std", o.deviation, "their standard deviation; default: measured (Fashion-MNIST 0.3530, MNIST 0.3081)")
        ->type_name("X")
        ->check(CLI::PositiveNumber)
        ->group(data);

    const char* training = "Training";
    app.add_option("--epochs", o.epochs, "passes over the training images")->capture_default_str()->type_name("N")->check(CLI::PositiveNumber)->group(training);
    app.add_option("--batch", o.batch, "images a step")->capture_default_str()->type_name("N")->check(CLI::PositiveNumber)->group(training);
    app.add_option("--lr", o.lr, "learning rate of SGD")->capture_default_str()->type_name("X")->check(CLI::PositiveNumber)->group(training);
    app.add_option("--momentum", o.momentum, "of SGD")->capture_default_str()->type_name("X")->check(CLI::NonNegativeNumber)->group(training);
    app.add_option("--halve-every", o.halve_every, "halve the learning rate after every N epochs")
        ->capture_default_str()
        ->type_name("N")
        ->check(CLI::PositiveNumber)
        ->group(training);
    const auto read_step = [&o](const std::string& text) {
        try {
            o.step = core::parse_step_rounding(text);
        } catch (const Error& error) {
            throw CLI::ValidationError("--step", error.what());
        }
    };
    app.add_option_function<std::string>("--step", read_step,
                                         "what SGD rounds: its results alone, every-operation (each product and each sum), or fused (products and sums in one)")
        ->default_str(core::name(o.step))
        ->type_name("ORDER")
        ->group(training);
    app.add_option("--loss-scale", o.loss_scale, "multiply the loss's gradient, divide the weights'")
        ->capture_default_str()
        ->type_name("X")
        ->check(CLI::PositiveNumber)
        ->group(training);
    app.add_option("--seed", o.seed, "of weights, shuffling and stochastic rounding")->capture_default_str()->type_name("N")->group(training);
    app.add_option("--threads", o.threads, "default: one a core")->type_name("N")->check(CLI::PositiveNumber)->group(training);

    add_precision_options(app, o.formats);

    const char* output = "Output";
    app.add_flag("--compare", o.compare, "train in float32 too: same seed, same batches, epoch by epoch")->group(output);
    app.add_option("--csv", o.csv, "one line an epoch and run")->type_name("FILE")->group(output);
    app.add_option("--plot", o.plot, "the curves, drawn by gnuplot if it is installed")->type_name("FILE.png")->group(output);
    auto* save = app.add_option("--save", o.save, "write a checkpoint at the end of each epoch and when stopped")->type_name("FILE")->group(output);
    app.add_option("--save-every", o.save_every, "and after every N batches")->type_name("N")->check(CLI::PositiveNumber)->needs(save)->group(output);
    auto* resume = app.add_option("--resume", o.resume, "continue from a checkpoint of a run with the same settings")->type_name("FILE")->group(output);
    app.add_flag("--quiet", o.quiet, "no progress bar, no line an epoch")->group(output);
    app.get_option("--compare")->excludes(save)->excludes(resume);
}

}  // namespace

std::optional<int> parse_command_line(int argc, char** argv, LenetOptions& options) {
    CLI::App app("Trains LeNet-5 on Fashion-MNIST, MNIST or the like, each role of the training in a number format of your choice.", "lenet");
    app.footer(footer);
    add_options(app, options);
    try {
        app.parse(argc, argv);
        if (options.compare && options.formats.recipe() == nn::Recipe{})
            throw CLI::ValidationError("--compare", "nothing to compare float32 with: name formats, or --posit");
    } catch (const CLI::ParseError& error) {
        return app.exit(error, std::cout, std::cerr) == 0 ? 0 : 2;
    }
    return {};
}

}  // namespace taper::apps
