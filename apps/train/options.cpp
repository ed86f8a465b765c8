#include <taper/train/options.h>

#include <iostream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

namespace taper::train {
namespace {

const char* const footer = R"text(
Results do not depend on the number of threads.
Exit codes: 0 done, 1 an error, told in one sentence, 2 a bad command line, 130 or 143 stopped by a signal (after saving).
)text";

void add_training_options(CLI::App& app, Settings& s) {
    const char* group = "Training";
    app.add_option("--epochs", s.epochs, "passes over the training images")->capture_default_str()->type_name("N")->check(CLI::PositiveNumber)->group(group);
    app.add_option("--batch", s.batch, "images a step")->capture_default_str()->type_name("N")->check(CLI::PositiveNumber)->group(group);
    app.add_option("--label-smoothing", s.label_smoothing, "give this share of each label to all classes, while training")
        ->capture_default_str()
        ->type_name("X")
        ->check(CLI::Range(0.0, 1.0))
        ->group(group);
    app.add_flag("--augment", s.augment, "crop each training image at random, 4 pixels around it, and flip half of them")->group(group);
    app.add_option("--float32-epochs", s.float32_epochs, "train the first N epochs in float32, then round the weights into the formats and go on")
        ->capture_default_str()
        ->type_name("N")
        ->check(CLI::NonNegativeNumber)
        ->group(group);
}

void add_model_option(CLI::App& cli, const App& app, std::string& model) {
    std::vector<std::string> names;
    std::string help = "the network";
    for (const Model& m : app.models) {
        help += fmt::format("{}{}{}", names.empty() ? ": " : "; ", m.name, m.description.empty() ? "" : ", " + m.description);
        names.push_back(m.name);
    }
    model = names.front();
    cli.add_option("--model", model, help)->capture_default_str()->type_name("NAME")->check(CLI::IsMember(names).description(""))->group("Training");
}

void add_options(CLI::App& cli, const App& app, Options& o) {
    add_data_options(cli, o.data, app.data_help);
    add_model_option(cli, app, o.model);
    add_training_options(cli, o.settings);
    add_optimizer_options(cli, o.settings.optimizer, o.formats);
    add_schedule_options(cli, o.settings.schedule);
    add_gradient_options(cli, o.settings.gradients);
    apps::add_precision_options(cli, o.formats);
    add_machine_options(cli, o.settings);
    add_output_options(cli, o.output);
    apps::add_watch_options(cli, o.watch);
    cli.add_flag("--compare", o.compare, "train in float32 too: same seed, same batches, epoch by epoch")
        ->excludes("--save")
        ->excludes("--resume")
        ->group("Output");
}

// Whether the recipe has formats or sums other than float32's.
bool rounds(const nn::Recipe& recipe) { return recipe.precision != nn::Precision{} || !recipe.layers.empty() || !recipe.roundings.empty(); }

}  // namespace

std::optional<int> parse_command_line(int argc, char** argv, const App& app, Options& options) {
    options.settings = app.defaults;
    CLI::App cli(app.description, app.name);
    cli.footer(fmt::format("{}{}{}", app.examples.empty() ? "" : "\nExamples:\n", app.examples, footer));
    add_options(cli, app, options);
    try {
        cli.parse(argc, argv);
        finish_optimizer_options(cli, options.settings.optimizer, app.defaults.optimizer.kind);
        if (options.compare && !rounds(options.formats.recipe()))
            throw CLI::ValidationError("--compare", "nothing to compare float32 with: name formats, or --posit");
    } catch (const CLI::ParseError& error) {
        return cli.exit(error, std::cout, std::cerr) == 0 ? 0 : 2;
    }
    return {};
}

}  // namespace taper::train
