// SPDX-License-Identifier: Apache-2.0
#include "gateway/control/version.h"

namespace sallyport::control {

std::string_view version() noexcept {
    return SALLYPORT_VERSION;
}

}  // namespace sallyport::control
