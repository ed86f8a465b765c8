// The sentence of the Error that a call throws.
#pragma once

#include <string>

#include <taper/formats/error.h>

namespace taper::tests {

// What call() throws as taper::Error says; "nothing was thrown" where it returns.
template <class Call>
std::string error_of(const Call& call) {
    try {
        call();
    } catch (const Error& error) {
        return error.what();
    }
    return "nothing was thrown";
}

}  // namespace taper::tests
