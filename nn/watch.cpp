#include <taper/nn/watch.h>

#include <functional>
#include <map>
#include <set>

#include <fmt/format.h>

#include <taper/formats/error.h>

namespace taper::nn {

const char* name(Watched kind) {
    switch (kind) {
        case Watched::weight:
            return "weight";
        case Watched::master:
            return "master";
        case Watched::gradient:
            return "gradient";
        case Watched::activation:
            return "activation";
        case Watched::error:
            return "error";
        case Watched::state:
            return "state";
    }
    __builtin_unreachable();
}

struct Watch::Step {
    std::int64_t number;
    std::vector<WatchRow>& rows;
    std::map<std::pair<Watched, std::string>, std::size_t> places = {};  // of the step's rows
    std::vector<std::function<void()>> removals = {};                    // of its hooks

    void record(Watched kind, const std::string& name, const Tensor& tensor, const Tensor& before = {}) {
        WatchRow row{.step = number, .kind = kind, .name = name, .format = tensor.format(), .statistics = core::statistics(tensor), .before = {}};
        if (before.defined() && before.format() != tensor.format()) row.before = core::out_of_range(before, tensor.format());
        const auto [place, is_new] = places.try_emplace({kind, name}, rows.size());
        if (is_new) {
            rows.push_back(std::move(row));
            return;
        }
        WatchRow& known = rows[place->second];
        known.statistics.add(row.statistics);
        if (row.before && known.before) known.before->add(*row.before);
    }
};

Watch::Watch(Module& model, const WatchOptions& options) : model_(model), every_(options.every) {
    if (every_ < 1) throw Error(fmt::format("Watch: every is not positive: {} (want at least 1)", every_));
}

Watch::~Watch() { end_step(); }

void Watch::begin_step(std::int64_t step) {
    end_step();
    if (step % every_ != 0) return;
    step_ = std::make_shared<Step>(Step{.number = step, .rows = rows_});
    for (const auto& [name, parameter] : model_.parameters()) watch_parameter(name, *parameter);
    std::set<Module*> seen;
    for (const auto& [name, module] : model_.modules())
        if (seen.insert(module).second) watch_module(name.empty() ? "<output>" : name, *module);
}

void Watch::end_step() {
    if (!step_) return;
    for (const auto& remove : step_->removals) remove();
    step_.reset();
}

void Watch::observe(Watched kind, const std::string& name, const Tensor& tensor) {
    if (step_) step_->record(kind, name, tensor);
}

std::vector<WatchRow> Watch::take_rows() {
    end_step();
    return std::exchange(rows_, {});
}

void Watch::watch_parameter(const std::string& name, Parameter& parameter) {
    Variable& variable = parameter.variable;
    step_->record(Watched::weight, name, variable.value(), parameter.master);
    if (parameter.master.defined()) step_->record(Watched::master, name, parameter.master);
    if (!variable.requires_grad()) return;
    const std::uint64_t hook = variable.add_rounding_hook([name, watched = std::weak_ptr(step_)](const Tensor& before, const Tensor& after) {
        if (const auto step = watched.lock()) step->record(Watched::gradient, name, after, before);
    });
    step_->removals.emplace_back([&variable, hook] { variable.remove_hook(hook); });
}

void Watch::watch_module(const std::string& name, Module& module) {
    const std::uint64_t hook = module.add_forward_hook([name, &module, watched = std::weak_ptr(step_)](const Variable&, const Variable& y) {
        const auto step = watched.lock();
        if (!step || !module.training() || !grad_enabled() || y.format().is_index()) return;
        step->record(Watched::activation, name, y.value());
        if (!y.requires_grad()) return;
        Variable(y).add_rounding_hook([name, watched](const Tensor& before, const Tensor& after) {
            if (const auto later = watched.lock()) later->record(Watched::error, name, after, before);
        });
    });
    step_->removals.emplace_back([&module, hook] { module.remove_forward_hook(hook); });
}

}  // namespace taper::nn
