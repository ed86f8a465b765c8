#include <taper/core/one_launch.h>

#include <taper/core/backend.h>

namespace taper {

void OneLaunch::operator()(const std::function<void()>& work) { backend(device_).run_in_one_launch(kept_, work); }

}  // namespace taper
