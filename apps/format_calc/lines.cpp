#include "lines.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <taper/formats/error.h>

namespace taper::calc {
namespace {

bool write_all(std::string& out) {
    std::size_t done = 0;
    while (done < out.size()) {
        const ssize_t n = ::write(STDOUT_FILENO, out.data() + done, out.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        done += static_cast<std::size_t>(n);
    }
    out.clear();
    return true;
}

}  // namespace

int filter(const std::function<void(std::string_view, std::uint64_t, std::string&)>& answer) {
    std::string pending, out;
    std::uint64_t index = 0;
    bool bad = false;
    const auto one = [&](std::string_view line) {
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        try {
            answer(line, index, out);
        } catch (const Error& e) {
            fmt::print(stderr, "format_calc: line {}: {}\n", index + 1, e.what());
            bad = true;
        }
        ++index;
    };
    std::string block(1 << 18, '\0');
    for (;;) {
        const ssize_t n = ::read(STDIN_FILENO, block.data(), block.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) throw Error(fmt::format("format_calc: standard input cannot be read: {}", std::strerror(errno)));
        if (n == 0) break;
        std::string_view rest(block.data(), static_cast<std::size_t>(n));
        for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
            if (pending.empty()) {
                one(rest.substr(0, end));
            } else {
                pending += rest.substr(0, end);
                one(pending);
                pending.clear();
            }
            rest.remove_prefix(end + 1);
        }
        pending += rest;
        if (!write_all(out)) return 1;
    }
    if (!pending.empty()) one(pending);
    return write_all(out) && !bad ? 0 : 1;
}

}  // namespace taper::calc
