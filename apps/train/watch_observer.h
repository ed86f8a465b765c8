// The observer behind --watch.
#pragma once

#include <taper/train/observer.h>

#include "common/watch_report.h"

namespace taper::train {

// Watches each run under its name; `report` must outlive the runs.
ObserverFactory watching(apps::WatchReport& report);

}  // namespace taper::train
