// format_bench: compares number formats on trained networks.
#include <omp.h>

#include <cstdio>
#include <exception>
#include <iostream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "common/stop.h"
#include "infer.h"

namespace taper::apps {
namespace {

int run(int argc, char** argv) {
    CLI::App app("Compares number formats on trained networks.", "format_bench");
    app.require_subcommand(1);
    app.footer("\nformat_bench SUBCOMMAND --help tells more.");
    InferOptions options;
    add_infer(app, options);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error, std::cout, std::cerr) == 0 ? 0 : 2;
    }
    if (options.threads > 0) omp_set_num_threads(options.threads);
    set_default_device(options.device);
    return infer(options);
}

}  // namespace
}  // namespace taper::apps

int main(int argc, char** argv) {
    taper::apps::catch_stop_signals();
    try {
        return taper::apps::run(argc, argv);
    } catch (const std::exception& error) {
        fmt::print(stderr, "format_bench: {}\n", error.what());
        return 1;
    }
}
