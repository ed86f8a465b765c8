#include <taper/train/option_groups.h>

#include <string>
#include <utility>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <taper/formats/error.h>

#include "common/device_option.h"

namespace taper::train {
namespace {

const char* const training = "Training";
const char* const rate = "Learning rate";

template <class Value>
using Choices = std::vector<std::pair<std::string, Value>>;
const Choices<OptimizerKind> optimizers{{"sgd", OptimizerKind::sgd}, {"adam", OptimizerKind::adam}, {"adamw", OptimizerKind::adamw}};
const Choices<ScheduleKind> schedules{
    {"none", ScheduleKind::none}, {"step", ScheduleKind::step}, {"cosine", ScheduleKind::cosine}, {"one_cycle", ScheduleKind::one_cycle}};

template <class Value>
CLI::Option* add_choice(CLI::App& app, const char* flag, Value& value, const Choices<Value>& choices, const char* help) {
    std::string names, usual;
    for (const auto& [name, choice] : choices) {
        names += (names.empty() ? "" : "|") + name;
        if (choice == value) usual = name;
    }
    const auto read = [&value, &choices, flag, names](const std::string& text) {
        for (const auto& [name, choice] : choices)
            if (name == text) {
                value = choice;
                return;
            }
        throw CLI::ValidationError(flag, fmt::format("{} is none of {}", text, names));
    };
    return app.add_option_function<std::string>(flag, read, help)->default_str(usual)->type_name(names);
}

// Two numbers behind one flag, "0.9,0.999".
CLI::Option* add_pair(CLI::App& app, const char* flag, double& first, double& second, const char* help) {
    const auto read = [&first, &second](const std::vector<double>& numbers) { first = numbers[0], second = numbers[1]; };
    return app.add_option_function<std::vector<double>>(flag, read, help)
        ->expected(2)
        ->delimiter(',')
        ->default_str(fmt::format("{},{}", first, second))
        ->type_name("X,X");
}

template <class Value>
CLI::Option* add_number(CLI::App& app, const char* flag, Value& value, const char* help) {
    return app.add_option(flag, value, help)->capture_default_str()->type_name(std::is_integral_v<Value> ? "N" : "X");
}

}  // namespace

void add_data_options(CLI::App& app, DataOptions& o, const std::string& data_help) {
    const char* data = "Data";
    app.add_option("--data", o.folder, data_help)->type_name("DIR")->group(data);
    app.add_option("--limit", o.limit, "train on the first N images alone")->type_name("N")->check(CLI::NonNegativeNumber)->group(data);
    app.add_option("--mean", o.mean,
                   "of the pixels, from 0 to 1, one number or one a channel; default: as the model's published runs, or measured over the training images")
        ->delimiter(',')
        ->type_name("X,...")
        ->group(data);
    app.add_option("--std", o.deviation, "their standard deviation, likewise")->delimiter(',')->type_name("X,...")->check(CLI::PositiveNumber)->group(data);
}

void add_optimizer_options(CLI::App& app, OptimizerSettings& s, apps::PrecisionOptions& formats) {
    const CLI::Range share(0.0, 0.999999);
    add_choice(app, "--optimizer", s.kind, optimizers, "the rule of the steps")->group(training);
    add_number(app, "--lr", s.lr, "learning rate; another optimizer than the default one: 0.1 of sgd, 0.001 of adam and adamw")
        ->check(CLI::PositiveNumber)
        ->group(rate);
    add_number(app, "--momentum", s.momentum, "of sgd")->check(share)->group(training);
    app.add_flag("--nesterov", s.nesterov, "sgd looks ahead: g + momentum v in place of v")->group(training);
    add_pair(app, "--betas", s.beta1, s.beta2, "of adam and adamw: what the moments keep a step")->check(share)->group(training);
    add_number(app, "--weight-decay", s.weight_decay,
               "of the gradients (sgd, adam) or the weights (adamw); another optimizer than the default one: 0, 0.01 of adamw")
        ->check(CLI::NonNegativeNumber)
        ->group(training);
    app.add_flag("--compensated", s.compensated, "keep in the role `state` what each step loses in the master (Kahan's sum)")->group(training);
    apps::add_step_option(app, formats, training);
}

void finish_optimizer_options(const CLI::App& app, OptimizerSettings& s, OptimizerKind usual) {
    const bool sgd = s.kind == OptimizerKind::sgd;
    const auto refuse = [&](const char* flag, const char* owner) {
        if (app.count(flag) != 0) throw CLI::ValidationError(flag, fmt::format("is an option of --optimizer {}", owner));
    };
    if (sgd) refuse("--betas", "adam and adamw");
    if (!sgd) refuse("--momentum", "sgd"), refuse("--nesterov", "sgd");
    if (s.nesterov && s.momentum == 0) throw CLI::ValidationError("--nesterov", "wants a --momentum");
    if (s.kind == usual) return;
    if (app.count("--lr") == 0) s.lr = sgd ? 0.1 : 0.001;
    if (app.count("--weight-decay") == 0) s.weight_decay = s.kind == OptimizerKind::adamw ? 0.01 : 0;
}

void add_schedule_options(CLI::App& app, ScheduleSettings& s) {
    auto* schedule = add_choice(app, "--schedule", s.kind, schedules, "how the learning rate goes on")->group(rate);
    auto* every = add_number(app, "--lr-every", s.every, "step: a drop after every N epochs")->check(CLI::PositiveNumber)->group(rate);
    auto* factor = add_number(app, "--lr-factor", s.factor, "step: what a drop multiplies it by")->check(CLI::PositiveNumber)->group(rate);
    const auto halve = [&s](std::int64_t epochs) { s.kind = ScheduleKind::step, s.every = epochs, s.factor = 0.5; };
    app.add_option_function<std::int64_t>("--halve-every", halve, "short for --schedule step --lr-every N --lr-factor 0.5")
        ->type_name("N")
        ->check(CLI::PositiveNumber)
        ->excludes(schedule)
        ->excludes(every)
        ->excludes(factor)
        ->group(rate);
    add_number(app, "--lr-last", s.last, "cosine: where it ends, after --epochs of them")->check(CLI::NonNegativeNumber)->group(rate);
    add_number(app, "--cycle-rise", s.rise, "one_cycle: the share of all steps in which it grows to --lr")->check(CLI::Range(0.0, 0.99))->group(rate);
    add_number(app, "--cycle-start", s.start, "one_cycle: it begins at --lr over X")->check(CLI::PositiveNumber)->group(rate);
    add_number(app, "--cycle-end", s.end, "one_cycle: and ends at where it began over X")->check(CLI::PositiveNumber)->group(rate);
    add_pair(app, "--cycle-momentum", s.low_momentum, s.high_momentum,
             "one_cycle: momentum (beta1 of adam) at the top and at both ends; two equal numbers: it stays as it is")
        ->check(CLI::Range(0.01, 0.99))
        ->group(rate);
    add_number(app, "--warmup", s.warmup, "grow to it in a line, step by step, over the first N epochs")->check(CLI::NonNegativeNumber)->group(rate);
}

void add_gradient_options(CLI::App& app, GradientSettings& s) {
    const char* group = "Gradients";
    const auto read = [&s](const std::string& text) {
        s.dynamic_scale = text == "dynamic";
        if (s.dynamic_scale)
            s.loss_scale = 65536;
        else if (!CLI::detail::lexical_cast(text, s.loss_scale) || !(s.loss_scale > 0) || !(s.loss_scale < 1e30))
            throw CLI::ValidationError("--loss-scale", fmt::format("{} is neither dynamic nor a number above 0", text));
    };
    app.add_option_function<std::string>("--loss-scale", read,
                                         "multiply the loss's gradient, divide the weights'; dynamic: from 65536 on, halved where a gradient is not finite, "
                                         "doubled after 2000 good steps.  Steps with a gradient that is not finite are skipped, and counted")
        ->default_str(s.dynamic_scale ? "dynamic" : fmt::format("{}", s.loss_scale))
        ->type_name("X|dynamic")
        ->group(group);
    app.add_option("--clip-value", s.clip_value, "clip each gradient to [-X, X]")->type_name("X")->check(CLI::PositiveNumber)->group(group);
    app.add_option("--clip-norm", s.clip_norm, "scale the gradients down to this norm of them all")->type_name("X")->check(CLI::PositiveNumber)->group(group);
}

void add_machine_options(CLI::App& app, Settings& s) {
    const char* group = "Machine";
    app.add_option("--seed", s.seed, "of weights, shuffling, augmentation and stochastic rounding")->capture_default_str()->type_name("N")->group(group);
    app.add_option("--threads", s.threads, "default: one a core")->type_name("N")->check(CLI::PositiveNumber)->group(group);
    apps::add_device_option(app, s.device, group);
}

void add_output_options(CLI::App& app, OutputOptions& o) {
    const char* output = "Output";
    app.add_option("--csv", o.csv, "one line an epoch and run")->type_name("FILE")->group(output);
    app.add_option("--plot", o.plot, "the curves, drawn by gnuplot if it is installed")->type_name("FILE.png")->group(output);
    auto* save = app.add_option("--save", o.save, "write a checkpoint at the end of each epoch and when stopped; the best epoch's is FILE.best")
                     ->type_name("FILE")
                     ->group(output);
    app.add_option("--save-every", o.save_every, "and after every N batches")->type_name("N")->check(CLI::PositiveNumber)->needs(save)->group(output);
    app.add_option("--resume", o.resume, "continue from a checkpoint of a run with the same settings")->type_name("FILE")->group(output);
    app.add_flag("--quiet", o.quiet, "no progress bar, no line an epoch")->group(output);
}

}  // namespace taper::train
