#include <taper/train/report.h>

#include <algorithm>

#include <fmt/format.h>

#include "common/plot.h"
#include "common/text.h"

namespace taper::train {
namespace {

using apps::Curve;
using apps::Legend;
using apps::Panel;
using apps::Rows;

std::string percent(double share) { return fmt::format("{:.2f}", 100 * share); }

// The mean over the epochs whose time is known; "-" if none is.
std::string mean_seconds(const TrainingRun& run) {
    double sum = 0;
    int count = 0;
    for (const EpochResult& r : run.results())
        if (r.seconds) sum += *r.seconds, ++count;
    return count == 0 ? "-" : fmt::format("{:.1f}", sum / count);
}

std::string skipped_steps(const TrainingRun& run) {
    std::int64_t sum = 0;
    for (const EpochResult& r : run.results()) sum += r.skipped;
    return std::to_string(sum);
}

std::string bytes_text(std::int64_t bytes) { return bytes == 0 ? "-" : apps::with_commas(bytes); }

std::string bytes_per_parameter(TrainingRun& run) {
    std::int64_t sum = 0;
    for (const Role role : {Role::parameters, Role::master, Role::gradients, Role::state}) sum += run.bytes(role);
    return fmt::format("{:.2f}", static_cast<double>(sum) / static_cast<double>(run.parameters()));
}

// A row for each exception that one of the recipes makes.
void rows_of_rules(const Runs& runs, Rows& rows) {
    std::vector<std::string> titles;
    for (const auto& run : runs)
        for (const auto& [title, target] : nn::describe_rules(run->recipe()))
            if (std::find(titles.begin(), titles.end(), title) == titles.end()) titles.push_back(title);
    for (const std::string& title : titles) {
        rows.push_back({title});
        for (const auto& run : runs) {
            std::string value = "-";
            for (const auto& [rule, target] : nn::describe_rules(run->recipe()))
                if (rule == title) value = target;  // the last one wins
            rows.back().push_back(value);
        }
    }
}

}  // namespace

std::string epoch_line(const TrainingRun& run) {
    const EpochResult& r = run.results().back();
    std::string line = fmt::format("{:<12} epoch {:>2}/{}  lr {:<9g} train loss {:.4f}  accuracy {:>5} %   test loss {:.4f}  accuracy {:>5} %   {}", run.name(),
                                   r.epoch + 1, run.settings().epochs, r.learning_rate, r.train_loss, percent(r.train_accuracy), r.test_loss,
                                   percent(r.test_accuracy), r.seconds ? fmt::format("{:.1f} s", *r.seconds) : "");
    if (r.skipped > 0) line += fmt::format("   {} steps skipped, loss scale {:g}", r.skipped, r.loss_scale);
    return line + "\n";
}

std::string csv_report(const Runs& runs) {
    Rows rows{{"run", "epoch", "learning_rate", "train_loss", "train_accuracy", "test_loss", "test_accuracy", "seconds"}};
    const bool scaled = runs.front()->scales_loss();
    if (scaled) rows.front().insert(rows.front().end(), {"loss_scale", "skipped_steps"});
    for (const auto& run : runs)
        for (const EpochResult& r : run->results()) {
            rows.push_back({run->name(), std::to_string(r.epoch + 1), fmt::format("{:g}", r.learning_rate), fmt::format("{:.6f}", r.train_loss),
                            percent(r.train_accuracy), fmt::format("{:.6f}", r.test_loss), percent(r.test_accuracy),
                            r.seconds ? fmt::format("{:.3f}", *r.seconds) : ""});
            if (scaled) rows.back().insert(rows.back().end(), {fmt::format("{:g}", r.loss_scale), std::to_string(r.skipped)});
        }
    return apps::csv(rows);
}

std::string final_table(const Runs& runs) {
    Rows rows;
    const auto row = [&](const std::string& title, auto value) {
        rows.push_back({title});
        for (const auto& run : runs) rows.back().push_back(value(*run));
    };
    row("run", [](TrainingRun& run) { return run.name(); });
    rows.push_back({});
    const auto roles = nn::describe(runs.front()->recipe().precision);
    for (std::size_t i = 0; i < roles.size(); ++i) {
        const std::string title = i < 8 ? roles[i].first : "sums " + roles[i].first;
        row(title, [i](TrainingRun& run) { return nn::describe(run.recipe().precision)[i].second; });
    }
    rows_of_rules(runs, rows);
    row("optimizer's step", [](TrainingRun& run) { return core::name(run.recipe().step); });
    if (runs.front()->settings().float32_epochs > 0) row("float32 epochs", [](TrainingRun& run) { return std::to_string(run.settings().float32_epochs); });
    rows.push_back({});
    row("test accuracy, %", [](TrainingRun& run) { return run.results().empty() ? "-" : percent(run.results().back().test_accuracy); });
    row("seconds an epoch", mean_seconds);
    if (runs.front()->scales_loss()) row("steps skipped", skipped_steps);
    rows.push_back({});
    row("bytes: parameters", [](TrainingRun& run) { return bytes_text(run.bytes(Role::parameters)); });
    row("  master", [](TrainingRun& run) { return bytes_text(run.bytes(Role::master)); });
    row("  gradients", [](TrainingRun& run) { return bytes_text(run.bytes(Role::gradients)); });
    row("  state", [](TrainingRun& run) { return bytes_text(run.bytes(Role::state)); });
    row("  these, a parameter", bytes_per_parameter);
    row("  saved activations", [](TrainingRun& run) { return bytes_text(run.bytes(Role::saved)); });
    row("  max-pool's indices", [](TrainingRun& run) { return bytes_text(run.bytes(Role::indices)); });
    return apps::text_table(rows);
}

void plot_report(const std::filesystem::path& png, const Runs& runs) {
    Panel loss{"Loss", "epoch", "cross-entropy"}, accuracy{"Accuracy", "epoch", "%", Legend::bottom_right};
    std::string title;
    int colour = 0;
    for (const auto& run : runs) {
        Curve train_loss{run->name() + ", train", {}, {}, colour, true}, test_loss{run->name() + ", test", {}, {}, colour, false};
        Curve train_accuracy = train_loss, test_accuracy = test_loss;
        for (const EpochResult& r : run->results()) {
            for (Curve* curve : {&train_loss, &test_loss, &train_accuracy, &test_accuracy}) curve->x.push_back(static_cast<double>(r.epoch + 1));
            train_loss.y.push_back(r.train_loss);
            test_loss.y.push_back(r.test_loss);
            train_accuracy.y.push_back(100 * r.train_accuracy);
            test_accuracy.y.push_back(100 * r.test_accuracy);
        }
        loss.curves.push_back(test_loss);
        loss.curves.push_back(train_loss);
        accuracy.curves.push_back(test_accuracy);
        accuracy.curves.push_back(train_accuracy);
        title += fmt::format("{} {} % in {}", colour == 0 ? run->model() + ", test accuracy" : ",", percent(run->results().back().test_accuracy), run->name());
        ++colour;
    }
    apps::plot(png, title, {loss, accuracy});
}

}  // namespace taper::train
