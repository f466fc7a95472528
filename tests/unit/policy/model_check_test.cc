// SPDX-License-Identifier: Apache-2.0
// Goal: on random policies (seeded) the compiled set answers as an interpreter that follows
// calico.md section 5 word by word, one workload and one question at a time. For names not seen yet
// the interpreter tries both ways at every rule that asks for one.
#include "gateway/policy/domain_set.h"
#include "tests/unit/policy/policy_fixture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace sallyport::policy {
namespace {

class Generator {
public:
    explicit Generator(unsigned seed) : random_(seed) {}
    std::size_t below(std::size_t n) { return random_() % n; }
    bool one_in(std::size_t n) { return below(n) == 0; }

    Selector selector() {
        static const std::vector<const char*> kTexts{
            "all()",
            "app == 'api'",
            "app in {'api','db'}",
            "!has(app)",
            "app != 'web'",
            "projectcalico.org/namespace == 'payments'",
            "role == 'partner'",
            "has(role)",
            "pcns.team == 'web' || app starts with 'd'"};
        return Selector::parse(kTexts[below(kTexts.size())]).value();
    }
    IpPrefix net() {
        IpPrefix p{
            IpAddress::v4(0xCB007100U | static_cast<std::uint32_t>(below(256))),
            static_cast<std::uint8_t>(24 + below(9))};
        return p.canonical();
    }
    std::vector<IpPrefix> nets() {
        std::vector<IpPrefix> out(1 + below(3), net());
        return out;
    }
    std::string domain() {
        static const std::vector<const char*> kNames{
            "a.com", "*.a.com", "b.a.com", "www.*.com", "c.org"};
        return kNames[below(kNames.size())];
    }

    EgressRule rule() {
        EgressRule r;
        r.action = static_cast<RuleAction>(below(4));
        r.protocol = one_in(2) ? (one_in(2) ? 6 : 17) : 0;
        r.not_protocol = one_in(6) ? 17 : 0;
        r.family = one_in(4) ? IpFamily::v4 : IpFamily::none;
        if (r.protocol != 0 && one_in(2)) {
            r.destination.ports = {{static_cast<std::uint16_t>(440 + below(4)), 444}};
            r.destination.has_ports = true;
        }
        if (r.protocol != 0 && one_in(4)) {
            r.destination.not_ports = {{443, 443}};
        }
        RuleEntity& to = r.destination;
        const bool may_name = r.action == RuleAction::allow || r.action == RuleAction::deny;
        if (may_name && one_in(3)) {
            to.domains = {domain(), domain()};
        } else {
            if (one_in(3)) {
                to.nets = nets();
            }
            if (one_in(4)) {
                to.selector = selector();
            }
            if (one_in(8)) {
                to.namespace_selector = Selector::parse(one_in(2) ? "global()" : "all()").value();
            }
        }
        if (one_in(5)) {
            to.not_nets = nets();
        }
        if (one_in(6)) {
            to.not_selector = selector();
        }
        if (one_in(4)) {
            r.source.selector = selector();
        }
        if (one_in(6)) {
            r.source.not_selector = selector();
        }
        if (one_in(6)) {
            r.source.nets = {*IpPrefix::parse("10.0.0.0/31")};
        }
        return r;
    }

    PolicyObjects objects() {
        PolicyObjects out;
        for (const char* name : {"t1", "t2"}) {
            Tier t;
            t.name = name;
            t.order = static_cast<double>(below(3));
            t.pass_at_end = one_in(2);
            out.tiers.push_back(t);
        }
        for (std::size_t i = 0; i < 1 + below(3); ++i) {
            GlobalNetworkSet s;
            s.name = "s" + std::to_string(i);
            s.labels = {{"role", one_in(2) ? "partner" : "x"}};
            s.nets = nets();
            if (one_in(3)) {
                s.nets.push_back(*IpPrefix::parse("10.0.0.1/32"));
            }
            if (one_in(2)) {
                s.domains = {domain()};
            }
            out.sets.push_back(s);
        }
        static const std::vector<const char*> kTiers{"default", "t1", "t2", "missing"};
        for (std::size_t i = 0; i < 1 + below(6); ++i) {
            GlobalNetworkPolicy p;
            p.name = "p" + std::to_string(i);
            p.tier = kTiers[below(kTiers.size())];
            if (!one_in(3)) {
                p.order = static_cast<double>(below(3));
            }
            p.selector = selector();
            if (one_in(4)) {
                p.namespace_selector =
                    Selector::parse(one_in(2) ? "all()" : "team == 'pay'").value();
            }
            p.egress = !one_in(10);
            for (std::size_t r = 0; r < below(5); ++r) {
                p.rules.push_back(rule());
            }
            out.policies.push_back(p);
        }
        return out;
    }

    Question question() {
        Question q;
        q.destination = one_in(10)
                            ? *IpAddress::parse("2001:db8::1")
                            : IpAddress::v4(0xCB007100U | static_cast<std::uint32_t>(below(256)));
        q.port = static_cast<std::uint16_t>(440 + below(6));
        q.protocol = one_in(2) ? 6 : 17;
        q.name_state = static_cast<NameState>(below(3));
        static const std::vector<const char*> kNames{
            "a.com", "b.a.com", "x.b.a.com", "www.z.com", "c.org", "d.org"};
        if (q.name_state == NameState::known) {
            q.name = kNames[below(kNames.size())];
            q.name_invalid = one_in(8);
        }
        if (!one_in(6)) {
            q.source = IpAddress::v4(0x0A000000U + static_cast<std::uint32_t>(below(4)));
        }
        return q;
    }

private:
    std::mt19937 random_;
};

/// Follows the page, allocates freely, knows no programs.
class Interpreter {
public:
    Interpreter(const PolicyObjects& objects, const Workload& workload) : objects_(objects) {
        if (workload.kind != Workload::Kind::none) {
            known_ = true;
            labels_.insert(workload.labels.begin(), workload.labels.end());
        }
        if (workload.kind == Workload::Kind::pod) {
            labels_.emplace("projectcalico.org/namespace", workload.namespace_name);
            labels_.emplace("pcns.projectcalico.org/name", workload.namespace_name);
            for (const auto& [key, value] : workload.namespace_labels) {
                labels_.emplace("pcns." + key, value);
            }
        }
    }

    Verdict judge(const Question& q) {
        struct Step {
            bool exists;
            double tier_order;
            std::string tier;
            double order;
            std::string name;
            const GlobalNetworkPolicy* policy;
        };
        std::vector<Step> steps;
        for (const GlobalNetworkPolicy& p : objects_.policies) {
            if (p.egress && applies(p)) {
                const Tier* t = tier_of(p.tier);
                steps.push_back(
                    {t != nullptr, t == nullptr ? 0 : t->order, p.tier, p.order, p.name, &p}
                );
            }
        }
        std::sort(steps.begin(), steps.end(), [](const Step& a, const Step& b) {
            return std::make_tuple(!a.exists, a.tier_order, a.tier, a.order, a.name) <
                   std::make_tuple(!b.exists, b.tier_order, b.tier, b.order, b.name);
        });
        std::vector<const GlobalNetworkPolicy*> order;
        order.reserve(steps.size());
        for (const Step& step : steps) {
            order.push_back(step.policy);
        }
        bool allow = false;
        bool deny = false;
        walk(order, 0, 0, q, allow, deny);
        return allow && deny ? Verdict::undecided : allow ? Verdict::allow : Verdict::deny;
    }

private:
    enum class Tri { no, yes, maybe };

    [[nodiscard]] const Tier* tier_of(const std::string& name) const {
        for (const auto* tiers : {&objects_.tiers, &fixed_tiers()}) {
            for (const Tier& t : *tiers) {
                if (t.name == name) {
                    return &t;
                }
            }
        }
        return nullptr;
    }

    [[nodiscard]] bool applies(const GlobalNetworkPolicy& p) const {
        if (!known_) {
            return p.selector.text() == "all()" && !p.namespace_selector;
        }
        if (p.namespace_selector) {
            const bool in_namespace = labels_.count("projectcalico.org/namespace") != 0;
            const bool selected =
                p.namespace_selector->text() == "all()"
                    ? in_namespace
                    : p.namespace_selector->with_label_prefix("pcns.").matches(labels_);
            if (!selected) {
                return false;
            }
        }
        return p.selector.matches(labels_);
    }

    static bool among(const std::vector<IpPrefix>& nets, const IpAddress& a) {
        return std::any_of(nets.begin(), nets.end(), [&](const IpPrefix& n) {
            return n.contains(a);
        });
    }

    [[nodiscard]] bool set_selected(const GlobalNetworkSet& s, const RuleEntity& e) const {
        if (e.namespace_selector && e.namespace_selector->text() != "global()") {
            return false;  // A global set has no namespace.
        }
        return !e.selector || e.selector->matches(s.labels);
    }

    [[nodiscard]] bool source_matches(const EgressRule& r, const Question& q) const {
        bool asks_address = !r.source.nets.empty();
        bool matched = r.source.nets.empty() || among(r.source.nets, q.source);
        if (r.source.selects() && !(known_ && r.source.selector->matches(labels_))) {
            bool any = false;
            bool inside = false;
            for (const GlobalNetworkSet& s : objects_.sets) {
                any = any || set_selected(s, r.source);
                inside = inside || (set_selected(s, r.source) && among(s.nets, q.source));
            }
            if (!any) {
                return false;
            }
            asks_address = true;
            matched = matched && inside;
        }
        if (r.source.not_selector) {
            if (known_ && r.source.not_selector->matches(labels_)) {
                return false;
            }
            for (const GlobalNetworkSet& s : objects_.sets) {
                if (r.source.not_selector->matches(s.labels)) {
                    asks_address = true;
                    matched = matched && !among(s.nets, q.source);
                }
            }
        }
        if (asks_address && q.source.family == IpFamily::none) {
            return r.action == RuleAction::deny;
        }
        return matched;
    }

    [[nodiscard]] Tri by_name(
        const std::vector<std::string>& patterns, const EgressRule& r, const Question& q
    ) const {
        if (patterns.empty()) {
            return Tri::no;
        }
        if (q.name_invalid) {
            return r.action == RuleAction::deny ? Tri::yes : Tri::no;
        }
        if (q.name_state == NameState::not_yet) {
            return Tri::maybe;
        }
        return q.name_state == NameState::known && DomainSet(patterns).matches(q.name) ? Tri::yes
                                                                                       : Tri::no;
    }

    [[nodiscard]] Tri rule_matches(const EgressRule& r, const Question& q) const {
        const RuleEntity& to = r.destination;
        const auto inside = [&](const std::vector<PortRange>& ports) {
            return std::any_of(ports.begin(), ports.end(), [&](const PortRange& p) {
                return q.port >= p.first && q.port <= p.last;
            });
        };
        if ((r.protocol != 0 && r.protocol != q.protocol) ||
            (r.not_protocol != 0 && r.not_protocol == q.protocol) ||
            (r.family != IpFamily::none && r.family != q.destination.family) ||
            (to.has_ports && !inside(to.ports)) || inside(to.not_ports) ||
            (!to.nets.empty() && !among(to.nets, q.destination)) ||
            among(to.not_nets, q.destination) || !source_matches(r, q)) {
            return Tri::no;
        }
        if (to.not_selector) {
            for (const GlobalNetworkSet& s : objects_.sets) {
                if (to.not_selector->matches(s.labels) && among(s.nets, q.destination)) {
                    return Tri::no;
                }
            }
        }
        if (!to.domains.empty()) {
            return by_name(to.domains, r, q);
        }
        if (!to.selects()) {
            return Tri::yes;
        }
        std::vector<std::string> domains;
        for (const GlobalNetworkSet& s : objects_.sets) {
            if (set_selected(s, to)) {
                if (among(s.nets, q.destination)) {
                    return Tri::yes;
                }
                domains.insert(domains.end(), s.domains.begin(), s.domains.end());
            }
        }
        const bool may_name = r.action == RuleAction::allow || r.action == RuleAction::deny;
        return may_name ? by_name(domains, r, q) : Tri::no;
    }

    void walk(
        const std::vector<const GlobalNetworkPolicy*>& order,
        std::size_t policy,
        std::size_t rule,
        const Question& q,
        bool& allow,
        bool& deny
    ) {
        if (policy == order.size()) {
            allow = true;
            return;
        }
        const std::string& tier = order[policy]->tier;
        std::size_t next_tier = policy;
        while (next_tier < order.size() && order[next_tier]->tier == tier) {
            ++next_tier;
        }
        if (rule == order[policy]->rules.size()) {
            if (policy + 1 < next_tier) {
                walk(order, policy + 1, 0, q, allow, deny);
            } else if (const Tier* t = tier_of(tier); t != nullptr && t->pass_at_end) {
                walk(order, next_tier, 0, q, allow, deny);
            } else {
                deny = true;
            }
            return;
        }
        const EgressRule& r = order[policy]->rules[rule];
        const Tri matched = rule_matches(r, q);
        if (matched != Tri::no && r.action != RuleAction::log) {
            if (r.action == RuleAction::pass) {
                walk(order, next_tier, 0, q, allow, deny);
                return;
            }
            (r.action == RuleAction::allow ? allow : deny) = true;
            if (matched == Tri::yes) {
                return;
            }
        }
        walk(order, policy, rule + 1, q, allow, deny);
    }

    const PolicyObjects& objects_;
    Labels labels_;
    bool known_ = false;
};

TEST(ModelCheck, CompiledSetsDecideAsTheInterpreter) {
    const WorkloadTable table(cluster());
    std::array<int, 3> seen{};
    for (unsigned seed = 1; seed <= 4'000; ++seed) {
        Generator generate(seed);
        const PolicyObjects objects = generate.objects();
        const auto compiled = compile(objects, table);
        ASSERT_TRUE(compiled.ok());
        const PolicySet& set = *compiled.value();
        for (WorkloadId id = 0; id < table.size(); ++id) {
            Interpreter interpreter(objects, table[id]);
            for (int i = 0; i < 8; ++i) {
                const Question q = generate.question();
                const Decision decision = set.evaluate(set.program_of(id), q);
                ASSERT_EQ(name_of(decision.verdict), name_of(interpreter.judge(q)))
                    << "seed " << seed << " workload " << id << " question " << i;
                ++seen[static_cast<std::size_t>(decision.verdict)];
                // The explanation ends where the decision does.
                const auto steps = set.explain(set.program_of(id), q);
                if (decision.verdict != Verdict::undecided) {
                    ASSERT_FALSE(steps.empty());
                    ASSERT_EQ(steps.back().action, name_of(decision.verdict)) << "seed " << seed;
                }
            }
        }
    }
    // The generator would prove nothing if one answer were rare.
    for (const int count : seen) {
        EXPECT_GT(count, 1'500);
    }
}

}  // namespace
}  // namespace sallyport::policy
