// SPDX-License-Identifier: Apache-2.0
// The reference of the configuration, made from the table.
#pragma once

#include <string>
#include <vector>

namespace sallyport::config {

/// One key as a reader of the reference sees it.
struct KeyReference {
    std::string path;           ///< `egress.pools[].block_size`
    std::string type;           ///< "integer", "duration", "list of addresses", "map"...
    std::string default_value;  ///< as one would write it; "" for none
    std::string range;          ///< "1-64512", "deny, route"; "" for any
    std::string help;
    bool required = false;
    bool later = false;  ///< known, and refused by this version
};

/// Every key, sections before their keys, in the order of the table.
std::vector<KeyReference> config_reference();

}  // namespace sallyport::config
