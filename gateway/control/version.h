// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace sallyport::control {

/// Version of this build, as `0.1.0`.
std::string_view version() noexcept;

}  // namespace sallyport::control
