// SPDX-License-Identifier: Apache-2.0
// Goal: a compiled set decides as Calico decides (calico.md sections 4, 5), and says why.
#include "tests/unit/policy/policy_fixture.h"

#include <netinet/in.h>

namespace sallyport::policy {
namespace {

using CompiledPolicy = PolicyFixture;

TEST_F(CompiledPolicy, NoPolicyAllowsByProfile) {
    load("---\n");
    for (const WorkloadId id : {kUnknownWorkload, kAmbiguousWorkload, kApi, kNode, 99U}) {
        const Decision decision = decide(id, ask("8.8.8.8"));
        EXPECT_EQ(decision.verdict, Verdict::allow);
        EXPECT_EQ(decision.reason, VerdictReason::policy_default_allow);
        EXPECT_EQ(decision.rule, kNoRule);
        EXPECT_FALSE(decision.log);
    }
    EXPECT_EQ(set->policy_count(), 0U);
}

TEST_F(CompiledPolicy, C3SelectedAndUnmatchedIsDeniedAtTheEndOfTheTier) {
    load(gnp("p", "selector: app == 'api', egress: [{action: Allow, protocol: UDP}]"));
    const Decision decision = decide(kApi, ask("8.8.8.8"));
    EXPECT_EQ(decision.verdict, Verdict::deny);
    EXPECT_EQ(decision.reason, VerdictReason::policy_default_deny);
    EXPECT_TRUE(decision.log);
    EXPECT_EQ(set->rules()[decision.rule].trace, "0|default|gnp:p|deny|-1");
    EXPECT_EQ(verdict(kApi, ask("8.8.8.8", 53, IPPROTO_UDP)), Verdict::allow);
    EXPECT_EQ(verdict(kWeb, ask("8.8.8.8")), Verdict::allow);
}

TEST_F(CompiledPolicy, C3LogOnlyPolicyDropsEverything) {
    load(gnp("p", "selector: app == 'api', egress: [{action: Log}]"));
    EXPECT_EQ(verdict(kApi, ask("8.8.8.8")), Verdict::deny);
}

TEST_F(CompiledPolicy, LogGoesOnAndMarksTheDecision) {
    load(gnp("p", "egress: [{action: Log, protocol: TCP}, {action: Allow}]"));
    EXPECT_TRUE(decide(kApi, ask("8.8.8.8")).log);
    EXPECT_FALSE(decide(kApi, ask("8.8.8.8", 53, IPPROTO_UDP)).log);
}

TEST_F(CompiledPolicy, C3TiersInOrderPassAndProfile) {
    load(
        tier("late", "order: 2000000, defaultAction: Pass") + tier("early", "order: 5") +
        gnp("early.p",
            "tier: early, egress: [{action: Pass, protocol: TCP}, {action: Allow, protocol: UDP}]"
        ) +
        gnp("late.q",
            "tier: late, egress: [{action: Deny, protocol: TCP, destination: {ports: [25]}}]")
    );
    const Decision denied = decide(kApi, ask("8.8.8.8", 25));
    EXPECT_EQ(denied.verdict, Verdict::deny);
    EXPECT_EQ(rule(denied), "late.q/0");
    EXPECT_EQ(denied.reason, VerdictReason::policy_deny);
    // Past the last tier: the profile of the namespace.
    EXPECT_EQ(decide(kApi, ask("8.8.8.8")).reason, VerdictReason::policy_default_allow);
    EXPECT_EQ(rule(decide(kApi, ask("8.8.8.8", 1, IPPROTO_UDP))), "early.p/1");
    EXPECT_EQ(rule(decide(kApi, ask("8.8.8.8", 0, 47))), "early.p/-1");
}

TEST_F(CompiledPolicy, C3TierWithoutSelectingPolicyIsSkipped) {
    load(
        tier("early", "order: 5") +
        gnp("early.p", "tier: early, selector: app == 'db', egress: [{action: Deny}]") +
        gnp("q", "egress: [{action: Allow}]")
    );
    EXPECT_EQ(verdict(kDb, ask("8.8.8.8")), Verdict::deny);
    EXPECT_EQ(rule(decide(kApi, ask("8.8.8.8"))), "q/0");
}

TEST_F(CompiledPolicy, C3OrderThenNameDecidesInsideATier) {
    load(
        gnp("a-last", "egress: [{action: Deny}]") +
        gnp("z-first", "order: 1, egress: [{action: Allow, protocol: TCP}]") +
        gnp("b-tie", "order: 2, egress: [{action: Deny, protocol: UDP}]") +
        gnp("a-tie", "order: 2, egress: [{action: Allow, protocol: UDP}]")
    );
    EXPECT_EQ(rule(decide(kApi, ask("8.8.8.8"))), "z-first/0");
    EXPECT_EQ(rule(decide(kApi, ask("8.8.8.8", 53, IPPROTO_UDP))), "a-tie/0");
    EXPECT_EQ(rule(decide(kApi, ask("8.8.8.8", 0, 47))), "a-last/0");
}

TEST_F(CompiledPolicy, C3MissingTierComesLast) {
    load(
        gnp("gone.p", "tier: gone, order: 1, egress: [{action: Deny}]") +
        gnp("q", "egress: [{action: Allow, protocol: TCP}, {action: Pass}]")
    );
    EXPECT_EQ(rule(decide(kApi, ask("8.8.8.8"))), "q/0");
    EXPECT_EQ(rule(decide(kApi, ask("8.8.8.8", 53, IPPROTO_UDP))), "gone.p/0");
}

TEST_F(CompiledPolicy, C4SelectorsSeeNamespacesAndAccounts) {
    const auto selected = [this](std::string_view spec) {
        load(gnp("p", std::string(spec) + ", egress: [{action: Deny}]"));
        std::string out;
        for (WorkloadId id = 0; id < table.size(); ++id) {
            out += verdict(id, ask("8.8.8.8")) == Verdict::deny ? '1' : '0';
        }
        return out;
    };
    //                                             ?*adwn
    EXPECT_EQ(selected("selector: ''"), "111111");
    EXPECT_EQ(selected("selector: all()"), "111111");
    EXPECT_EQ(selected("selector: \"app != 'api'\""), "000111");
    EXPECT_EQ(selected("namespaceSelector: all()"), "001110");
    EXPECT_EQ(selected("namespaceSelector: \"team == 'pay'\""), "001100");
    EXPECT_EQ(selected("namespaceSelector: \"projectcalico.org/name == 'frontend'\""), "000010");
    EXPECT_EQ(
        selected("namespaceSelector: \"team == 'pay'\", selector: \"app == 'db'\""), "000100"
    );
    EXPECT_EQ(selected("selector: \"projectcalico.org/namespace == 'payments'\""), "001100");
    EXPECT_EQ(selected("selector: \"projectcalico.org/serviceaccount == 'api'\""), "001000");
    EXPECT_EQ(selected("selector: \"projectcalico.org/orchestrator == 'k8s'\""), "001110");
    EXPECT_EQ(selected("selector: \"pcns.team == 'web'\""), "000010");
    EXPECT_EQ(selected("selector: has(kubernetes.io/os)"), "000001");
}

TEST_F(CompiledPolicy, C4OwnLabelsWinOverInherited) {
    std::vector<Workload> all = cluster();
    all[kApi].labels["pcns.team"] = "mine";
    table = WorkloadTable(all);
    load(gnp("p", "namespaceSelector: \"team == 'pay'\", egress: [{action: Deny}]"));
    EXPECT_EQ(verdict(kApi, ask("8.8.8.8")), Verdict::allow);
    EXPECT_EQ(verdict(kDb, ask("8.8.8.8")), Verdict::deny);
}

TEST_F(CompiledPolicy, C4LongServiceAccountNamesAreNoLabel) {
    std::vector<Workload> all = cluster();
    all[kApi].service_account = std::string(63, 'a');
    table = WorkloadTable(all);
    load(gnp("p", "selector: has(projectcalico.org/serviceaccount), egress: [{action: Deny}]"));
    EXPECT_EQ(verdict(kApi, ask("8.8.8.8")), Verdict::allow);
    EXPECT_EQ(verdict(kDb, ask("8.8.8.8")), Verdict::deny);
}

TEST_F(CompiledPolicy, C4SourceOfARuleIsTheWorkload) {
    load(
        gnp("p",
            "egress: [{action: Deny, source: {selector: \"app == 'api'\"}}, {action: Deny, source: "
            "{namespaceSelector: "
            "\"team == 'web'\", notSelector: \"app == 'x'\"}}, {action: Deny, protocol: UDP, "
            "source: {serviceAccounts: "
            "{names: [default]}}}, {action: Allow}]")
    );
    EXPECT_EQ(rule(decide(kApi, ask("8.8.8.8"))), "p/0");
    EXPECT_EQ(rule(decide(kWeb, ask("8.8.8.8"))), "p/1");
    EXPECT_EQ(rule(decide(kDb, ask("8.8.8.8", 53, IPPROTO_UDP))), "p/2");
    EXPECT_EQ(rule(decide(kDb, ask("8.8.8.8"))), "p/3");
    EXPECT_EQ(rule(decide(kUnknownWorkload, ask("8.8.8.8"))), "p/3");
    // db and node differ in no criterion but the third rule's.
    EXPECT_NE(set->program_of(kDb), set->program_of(kNode));
}

TEST_F(CompiledPolicy, SameRulesShareOneProgram) {
    load(gnp("p", "selector: \"app in {'api', 'db'}\", egress: [{action: Deny}]"));
    EXPECT_EQ(set->program_of(kApi), set->program_of(kDb));
    EXPECT_EQ(set->program_of(kWeb), set->program_of(kUnknownWorkload));
    EXPECT_NE(set->program_of(kApi), set->program_of(kWeb));
    EXPECT_EQ(set->program_of(12345), set->program_of(kUnknownWorkload));
}

TEST_F(CompiledPolicy, SourceNetsAndPorts) {
    load(
        gnp("p",
            "egress: [{action: Deny, source: {nets: [10.0.0.0/8], notNets: [10.9.0.0/16]}}, "
            "{action: Deny, protocol: UDP, "
            "source: {ports: [53], notPorts: [54]}}, {action: Allow}]")
    );
    Question q = ask("8.8.8.8");
    q.source = *IpAddress::parse("10.1.1.1");
    EXPECT_EQ(rule(decide(kApi, q)), "p/0");
    q.source = *IpAddress::parse("10.9.1.1");
    EXPECT_EQ(rule(decide(kApi, q)), "p/2");
    q.protocol = IPPROTO_UDP;
    q.source_port = 53;
    EXPECT_EQ(rule(decide(kApi, q)), "p/1");
    // A question that does not say who asks is denied rather than allowed.
    EXPECT_EQ(rule(decide(kApi, ask("8.8.8.8"))), "p/0");
    load(gnp("p", "egress: [{action: Allow, source: {nets: [10.0.0.0/8]}}]"));
    EXPECT_EQ(verdict(kApi, ask("8.8.8.8")), Verdict::deny);
}

TEST_F(CompiledPolicy, DestinationNetsPortsFamiliesAndIcmp) {
    load(
        gnp("p",
            "egress: [{action: Allow, protocol: TCP, destination: {nets: [203.0.113.0/24], "
            "notNets: [203.0.113.8/29], ports: "
            "[443, '8000:8002'], notPorts: [8001]}}, {action: Allow, protocol: ICMP, icmp: {type: "
            "8, code: 0}}, {action: "
            "Allow, protocol: ICMPv6, notICMP: {type: 1}}, {action: Allow, ipVersion: 6, "
            "notProtocol: ICMPv6}]")
    );
    const auto allowed = [this](const Question& q) { return verdict(kApi, q) == Verdict::allow; };
    EXPECT_TRUE(allowed(ask("203.0.113.1")));
    EXPECT_TRUE(allowed(ask("203.0.113.255", 8002)));
    EXPECT_FALSE(allowed(ask("203.0.113.1", 8001)));
    EXPECT_FALSE(allowed(ask("203.0.113.1", 444)));
    EXPECT_FALSE(allowed(ask("203.0.113.9")));
    EXPECT_FALSE(allowed(ask("203.0.114.1")));
    EXPECT_FALSE(allowed(ask("203.0.113.1", 443, IPPROTO_UDP)));
    Question echo = ask("8.8.8.8", 0, IPPROTO_ICMP);
    echo.icmp_type = 8;
    EXPECT_TRUE(allowed(echo));
    echo.icmp_code = 1;
    EXPECT_FALSE(allowed(echo));
    Question v6 = ask("2001:db8::1", 0, IPPROTO_ICMPV6);
    v6.icmp_type = 128;
    EXPECT_TRUE(allowed(v6));
    v6.icmp_type = 1;
    EXPECT_FALSE(allowed(v6));
    EXPECT_TRUE(allowed(ask("2001:db8::1", 1, IPPROTO_UDP)));
}

TEST_F(CompiledPolicy, NotNetsOfOneFamilyAreARuleOfThatFamily) {
    // As Felix renders it: a rule that names only IPv4 networks is no IPv6 rule.
    load(gnp("p", "egress: [{action: Allow, destination: {notNets: [10.0.0.0/8]}}]"));
    EXPECT_EQ(verdict(kApi, ask("8.8.8.8")), Verdict::allow);
    EXPECT_EQ(verdict(kApi, ask("2001:db8::1")), Verdict::deny);
}

TEST_F(CompiledPolicy, NamedPortsNeverMatchOutside) {
    load(gnp("p", "egress: [{action: Allow, protocol: TCP, destination: {ports: [https]}}]"));
    EXPECT_EQ(verdict(kApi, ask("8.8.8.8")), Verdict::deny);
}

TEST_F(CompiledPolicy, C4NetworkSetsBySelector) {
    load(
        netset(
            "s",
            "role: partner",
            "nets: [198.51.100.0/28], allowedEgressDomains: [api.x.com, '*.y.com']"
        ) +
        netset("t", "role: other", "nets: [192.0.2.0/24]") +
        gnp("p",
            "egress: [{action: Allow, destination: {selector: \"role == 'partner'\"}}, {action: "
            "Allow, protocol: UDP, "
            "destination: {namespaceSelector: global(), notSelector: \"role == 'partner'\"}}, "
            "{action: Allow, "
            "protocol: 47, destination: {namespaceSelector: all()}}]")
    );
    EXPECT_EQ(verdict(kApi, ask("198.51.100.15")), Verdict::allow);
    EXPECT_EQ(verdict(kApi, ask("198.51.100.16")), Verdict::deny);
    EXPECT_EQ(verdict(kApi, ask_name("api.x.com")), Verdict::allow);
    EXPECT_EQ(verdict(kApi, ask_name("a.b.y.com")), Verdict::allow);
    EXPECT_EQ(verdict(kApi, ask_name("y.com")), Verdict::deny);
    EXPECT_EQ(verdict(kApi, ask_early()), Verdict::undecided);
    EXPECT_EQ(verdict(kApi, ask_early("198.51.100.1")), Verdict::allow);
    EXPECT_EQ(verdict(kApi, ask("192.0.2.1", 53, IPPROTO_UDP)), Verdict::allow);
    EXPECT_EQ(verdict(kApi, ask("8.8.8.8", 53, IPPROTO_UDP)), Verdict::deny);
    EXPECT_EQ(verdict(kApi, ask("192.0.2.1", 0, 47)), Verdict::deny);  // sets have no namespace
}

TEST_F(CompiledPolicy, NotSelectorAloneIsAnyPacketOutsideTheSets) {
    load(
        netset("s", "bad: 'yes'", "nets: [198.51.100.0/28]") +
        gnp("p", "egress: [{action: Allow, destination: {notSelector: has(bad)}}]")
    );
    EXPECT_EQ(verdict(kApi, ask("8.8.8.8")), Verdict::allow);
    EXPECT_EQ(verdict(kApi, ask("198.51.100.1")), Verdict::deny);
}

TEST_F(CompiledPolicy, NamesDenyAndWait) {
    load(
        gnp("p",
            "egress: [{action: Deny, destination: {domains: [evil.com, '*.evil.com']}}, {action: "
            "Allow}]")
    );
    EXPECT_EQ(rule(decide(kApi, ask_name("evil.com"))), "p/0");
    EXPECT_EQ(rule(decide(kApi, ask_name("a.evil.com"))), "p/0");
    EXPECT_EQ(rule(decide(kApi, ask_name("notevil.com"))), "p/1");
    EXPECT_EQ(rule(decide(kApi, ask("8.8.8.8"))), "p/1");  // no name to wait for
    const Decision early = decide(kApi, ask_early());
    EXPECT_EQ(early.verdict, Verdict::undecided);
    EXPECT_EQ(early.reason, VerdictReason::none);
    EXPECT_EQ(early.rule, kNoRule);
    EXPECT_FALSE(early.log);
}

TEST_F(CompiledPolicy, WhatEndsTheSameEitherWayIsDecidedEarly) {
    load(gnp("p", "egress: [{action: Deny, destination: {domains: [evil.com]}}, {action: Deny}]"));
    EXPECT_EQ(rule(decide(kApi, ask_early())), "p/1");
    load(gnp("p", "egress: [{action: Allow, destination: {domains: [good.com]}}, {action: Allow}]")
    );
    EXPECT_EQ(rule(decide(kApi, ask_early())), "p/1");
    load(
        gnp("p",
            "egress: [{action: Allow, protocol: UDP, destination: {domains: [good.com]}}, {action: "
            "Deny}]")
    );
    EXPECT_EQ(verdict(kApi, ask_early()), Verdict::deny);  // the domain rule is about UDP
    load(gnp("p", "egress: [{action: Allow, destination: {domains: [good.com]}}]"));
    EXPECT_EQ(verdict(kApi, ask_early()), Verdict::undecided);  // against the end of the tier
}

TEST_F(CompiledPolicy, E9InvalidNamesAreNotAllowedAndAreDenied) {
    Question q = ask_name("Bad Name\\000.good.com");
    q.name_invalid = true;
    load(gnp("p", "egress: [{action: Allow, destination: {domains: ['*.good.com']}}]"));
    EXPECT_EQ(verdict(kApi, q), Verdict::deny);
    load(gnp("p", "egress: [{action: Deny, destination: {domains: [evil.com]}}, {action: Allow}]"));
    EXPECT_EQ(verdict(kApi, q), Verdict::deny);
    EXPECT_EQ(rule(decide(kApi, q)), "p/0");
}

TEST_F(CompiledPolicy, RuleNamesAndTraces) {
    load(
        gnp("sec.p",
            "tier: default, egress: [{action: Allow, protocol: UDP}, {action: Deny, metadata: "
            "{annotations: {name: my rule}}}]")
    );
    const RuleNames& names = set->rules()[decide(kApi, ask("8.8.8.8")).rule];
    EXPECT_EQ(names.id, "sec.p/1");
    EXPECT_EQ(names.name, "my rule");
    EXPECT_EQ(names.policy, "sec.p");
    EXPECT_EQ(names.tier, "default");
    EXPECT_EQ(names.trace, "0|default|gnp:sec.p|deny|1");
    EXPECT_EQ(names.place, "p.yaml:5");
    EXPECT_EQ(set->rules()[0].name, "sec.p[0]");
}

TEST_F(CompiledPolicy, C7ExplainTellsTheWalk) {
    load(
        tier("security", "order: 300, defaultAction: Pass") +
        gnp("security.a",
            "tier: security, egress: [{action: Deny, protocol: UDP}, {action: Deny, destination: "
            "{domains: "
            "[evil.com]}}, {action: Log}]") +
        gnp("b", "egress: [{action: Deny, source: {selector: \"app == 'db'\"}}, {action: Allow}]")
    );
    const auto steps = set->explain(set->program_of(kApi), ask_early());
    std::string text;
    for (const TraceStep& step : steps) {
        text += step.policy + ' ' + std::to_string(step.rule) + ' ' + step.action + ": " +
                step.outcome + (step.trace.empty() ? "" : " (" + step.trace + ')') + '\n';
    }
    EXPECT_EQ(
        text,
        "gnp:security.a 0 deny: another protocol\n"
        "gnp:security.a 1 deny: undecided: the name is not known yet\n"
        "gnp:security.a 2 log: matched\n"
        "gnp:security.a -1 pass: matched, unless an earlier rule does "
        "(0|security|gnp:security.a|pass|-1)\n"
        "gnp:b 0 deny: never matches: another source workload, or no such network set\n"
        "gnp:b 1 allow: matched, unless an earlier rule does (1|default|gnp:b|allow|1)\n"
    );
    load("---\n");
    const auto profile = set->explain(0, ask("8.8.8.8"));
    ASSERT_EQ(profile.size(), 1U);
    EXPECT_EQ(profile[0].trace, "0|__PROFILE__|pro:kns|allow|0");
}

TEST_F(CompiledPolicy, LimitsRefuseInsteadOfTruncating) {
    PolicyReading reading;
    read_policy_text(gnp("p", "egress: [{action: Deny}, {action: Allow}]"), "p", reading);
    CompileLimits limits;
    limits.rules_max = 1;
    const auto refused = compile(reading.objects, table, limits);
    ASSERT_FALSE(refused.ok());
    EXPECT_NE(refused.error().message.find("compile to too much: 2 rules"), std::string::npos);
}

TEST_F(CompiledPolicy, T10LabelsAreThoseOfTheTableCompiledWith) {
    load(gnp("p", "selector: app == 'api', egress: [{action: Deny}]"));
    const auto before = set;
    std::vector<Workload> all = cluster();
    all[kApi].labels["app"] = "changed";
    table = WorkloadTable(all);
    load(gnp("p", "selector: app == 'api', egress: [{action: Deny}]"));
    EXPECT_EQ(before->evaluate(before->program_of(kApi), ask("8.8.8.8")).verdict, Verdict::deny);
    EXPECT_EQ(verdict(kApi, ask("8.8.8.8")), Verdict::allow);
}

}  // namespace
}  // namespace sallyport::policy
