#include "options.h"

#include <iostream>

#include <CLI/CLI.hpp>

#include <taper/formats/error.h>

#include "common/device_option.h"

namespace taper::apps {
namespace {

const char* const footer = R"text(
Examples:
  dcgan --samples grids --plot losses.png             Fashion-MNIST in float32, 4000 steps; grids/step-004000.png at the end
  dcgan --posit --loss-scale 1024 --samples grids --sample-every 500
                                                      the same in 8-bit posits, whose errors want a scale; a grid every 500 steps
  dcgan --precision apps/reproduce/dcgan_generator.json --discriminator-precision apps/reproduce/dcgan_discriminator.json --loss-scale 1024
                                                      8-bit posits around convolutions alone, which learn nearly as float32 does
  dcgan --posit --save run.st --save-every 100        continue later, bit for bit, with --resume run.st
  dcgan --discriminator-precision float32 --posit     formats of the generator alone
  lenet --epochs 3 --quiet --save lenet.st
  dcgan --posit --features lenet.st                   at the end, the Frechet distance on LeNet's 84 features (not the FID, which reads another network)
  dcgan --generate 64 --from run.st --activations "posit(6,1)" --weights "posit(6,1)" --png grid.png
                                                      images of a trained generator in another format; float32 where none is named

Images of 28 x 28, 32 x 32 and 64 x 64 pixels have a network each (docs of nn/models/dcgan.h).  Results do not depend on the number of threads.
Exit codes: 0 done, 1 an error, told in one sentence, 2 a bad command line, 130 or 143 stopped by a signal (after saving).
)text";

void add_data_options(CLI::App& app, GanOptions& o) {
    const char* data = "Data";
    app.add_option("--data", o.data,
                   "folder with idx files (MNIST), CIFAR-10's or CIFAR-100's binary files, or train/CLASS/IMAGE and test/CLASS/IMAGE; default: Debian's "
                   "dataset-fashion-mnist")
        ->type_name("DIR")
        ->group(data);
    app.add_option("--size", o.size, "pixels a side, 28, 32 or 64, that images of a folder of images are cut and resized to")
        ->capture_default_str()
        ->type_name("N")
        ->check(CLI::IsMember({28, 32, 64}))
        ->group(data);
    app.add_option("--limit", o.limit, "train on the first N images alone")->type_name("N")->check(CLI::NonNegativeNumber)->group(data);
}

void add_training_options(CLI::App& app, GanOptions& o) {
    const char* training = "Training";
    const auto positive = [&](const char* flag, auto& value, const char* help, const char* type) {
        return app.add_option(flag, value, help)->capture_default_str()->type_name(type)->check(CLI::PositiveNumber)->group(training);
    };
    positive("--steps", o.steps, "of both networks", "N");
    positive("--batch", o.batch, "images a step", "N");
    positive("--latent", o.latent, "numbers that an image is made from", "N");
    positive("--width", o.width, "channels of the layers next to the image", "N");
    positive("--lr", o.lr, "learning rate of Adam", "X");
    app.add_option("--beta1", o.beta1, "of Adam; beta2 is 0.999")->capture_default_str()->type_name("X")->check(CLI::Range(0.0, 0.999))->group(training);
    positive("--loss-scale", o.loss_scale, "multiply the losses' gradients, divide the weights'", "X");
    app.add_option("--seed", o.seed, "of weights, latents, shuffling and stochastic rounding")->capture_default_str()->type_name("N")->group(training);
    app.add_option("--threads", o.threads, "default: one a core")->type_name("N")->check(CLI::PositiveNumber)->group(training);
    add_device_option(app, o.device, training);
}

void add_discriminator_option(CLI::App& app, GanOptions& o) {
    const auto read = [&o](const std::string& text) {
        try {
            o.discriminator = nn::find_recipe(text);
        } catch (const Error& error) {
            throw CLI::ValidationError("--discriminator-precision", error.what());
        }
    };
    app.add_option_function<std::string>("--discriminator-precision", read, "a recipe of the discriminator's own; default: the options above hold for both")
        ->type_name("FILE|PRESET")
        ->group("Formats by network");
}

void add_output_options(CLI::App& app, GanOptions& o) {
    const char* output = "Output";
    const auto every = [&](const char* flag, std::int64_t& value, const char* help) {
        return app.add_option(flag, value, help)->type_name("N")->check(CLI::PositiveNumber)->group(output);
    };
    app.add_option("--csv", o.csv, "one line every --log-every steps: both losses, D(x), D(G(z))")->type_name("FILE")->group(output);
    every("--log-every", o.log_every, "steps that a line is the mean of")->capture_default_str();
    app.add_option("--plot", o.plot, "both losses, drawn by gnuplot if it is installed")->type_name("FILE.png")->group(output);
    auto* samples =
        app.add_option("--samples", o.samples, "folder for grids of 64 images from the same latents, step-NNNNNN.png")->type_name("DIR")->group(output);
    every("--sample-every", o.sample_every, "steps between grids; default: one at the end")->needs(samples);
    auto* save = app.add_option("--save", o.save, "write a checkpoint at the end and when stopped")->type_name("FILE")->group(output);
    every("--save-every", o.save_every, "and after every N steps")->needs(save);
    app.add_option("--resume", o.resume, "continue from a checkpoint of a run with the same settings")->type_name("FILE")->group(output);
    app.add_flag("--quiet", o.quiet, "no progress bar, no lines")->group(output);

    const char* distance = "Distance";
    auto* features = app.add_option("--features", o.features, "checkpoint of lenet in float32: print the Frechet distance on its 84 features (28 x 28)")
                         ->type_name("FILE")
                         ->group(distance);
    app.add_option("--frechet-images", o.frechet_images, "samples it is taken over, against the test images")
        ->capture_default_str()
        ->type_name("N")
        ->check(CLI::Range(std::int64_t{2}, std::int64_t{1} << 24))
        ->needs(features)
        ->group(distance);
}

void add_generating_options(CLI::App& app, GanOptions& o) {
    const char* generating = "Generating, instead of training";
    auto* from = app.add_option("--from", o.from, "checkpoint of dcgan")->type_name("FILE")->group(generating);
    auto* generate = app.add_option("--generate", o.generate, "make N images with a trained generator")
                         ->type_name("N")
                         ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 16))
                         ->needs(from)
                         ->group(generating);
    from->needs(generate);
    app.add_option("--png", o.png, "grid of them")->type_name("FILE.png")->needs(generate)->group(generating);
    for (const char* other : {"--csv", "--plot", "--samples", "--save", "--resume"}) generate->excludes(app.get_option(other));
}

}  // namespace

std::optional<int> parse_command_line(int argc, char** argv, GanOptions& options) {
    CLI::App app("Trains a DCGAN on images, each role of the training in a number format of your choice, and generates from it.", "dcgan");
    app.footer(footer);
    add_data_options(app, options);
    add_training_options(app, options);
    add_precision_options(app, options.formats);
    add_discriminator_option(app, options);
    add_output_options(app, options);
    add_generating_options(app, options);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error, std::cout, std::cerr) == 0 ? 0 : 2;
    }
    return {};
}

}  // namespace taper::apps
