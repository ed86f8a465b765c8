// --device of the programs.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include <taper/core/device.h>
#include <taper/formats/error.h>

namespace taper::apps {

inline void add_device_option(CLI::App& app, Device& device, const char* group) {
    const auto read = [&device](const std::string& text) {
        try {
            device = Device::parse(text);
        } catch (const Error& error) {
            throw CLI::ValidationError("--device", error.what());
        }
    };
    app.add_option_function<std::string>("--device", read, "cpu, cuda or cuda:INDEX")->default_str(device.name())->type_name("NAME")->group(group);
}

}  // namespace taper::apps
