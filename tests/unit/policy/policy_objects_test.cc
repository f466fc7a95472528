// SPDX-License-Identifier: Apache-2.0
// Goal: what Calico refuses is refused, what is not supported is said, and every problem has its
// place.
#include "gateway/policy/policy_objects.h"

#include "gateway/policy/policy_check.h"

#include <gtest/gtest.h>

namespace sallyport::policy {
namespace {

PolicyReading read(std::string_view text) {
    PolicyReading out;
    read_policy_text(text, "p.yaml", out);
    check_policies(out.objects, out.problems, out.notes);
    return out;
}

std::string problems_of(std::string_view text) {
    std::string out;
    for (const Problem& problem : read(text).problems) {
        out += problem.text() + '\n';
    }
    return out;
}

/// A policy with one egress rule, whose text begins on line 5.
std::string with_rule(std::string_view rule) {
    return "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: {name: p}\n"
           "spec: {types: [Egress], egress: [\n{" +
           std::string(rule) + "}\n]}\n";
}

std::string rule_problem(std::string_view rule) {
    std::string text = problems_of(with_rule(rule));
    constexpr std::string_view kPrefix = "p.yaml:5:";
    EXPECT_TRUE(text.empty() || text.starts_with(kPrefix)) << text;
    return text;
}

#define EXPECT_REFUSED(rule, part) \
    EXPECT_NE(rule_problem(rule).find(part), std::string::npos) << rule_problem(rule)
#define EXPECT_ACCEPTED(rule) EXPECT_EQ(rule_problem(rule), "")

TEST(PolicyObjects, ReadsEverySupportedField) {
    const PolicyReading reading = read(R"(
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: security.block}
spec:
  tier: security
  order: 10.5
  selector: app == 'web'
  namespaceSelector: team == 'x'
  types: [Egress]
  performanceHints: [AssumeNeededOnEveryNode]
  applyOnForward: false
  egress:
  - action: Deny
    protocol: TCP
    notProtocol: UDP
    ipVersion: 4
    metadata: {annotations: {name: the rule}}
    source: {selector: a == 'b', notSelector: has(c), namespaceSelector: all(), nets: [10.0.0.0/8],
             notNets: [10.1.0.0/16], ports: ["1024:65535"], serviceAccounts: {names: [sa]}}
    destination: {nets: [203.0.113.0/24], notNets: [203.0.113.7/32],
                  ports: [443, "8000:8100", "80"], notPorts: [8001], selector: ""}
  - {action: Allow, protocol: ICMP, icmp: {type: 8, code: 0}, notICMP: {type: 3}}
  - {action: Log}
  - {action: Pass, protocol: 47}
---
apiVersion: projectcalico.org/v3
kind: Tier
metadata: {name: security}
spec: {order: 300, defaultAction: Pass}
)");
    for (const Problem& problem : reading.problems) {
        ADD_FAILURE() << problem.text();
    }
    ASSERT_EQ(reading.objects.policies.size(), 1U);
    const GlobalNetworkPolicy& policy = reading.objects.policies[0];
    EXPECT_EQ(policy.tier, "security");
    EXPECT_EQ(policy.order, 10.5);
    EXPECT_TRUE(policy.egress);
    ASSERT_EQ(policy.rules.size(), 4U);
    const EgressRule& rule = policy.rules[0];
    EXPECT_EQ(rule.action, RuleAction::deny);
    EXPECT_EQ(rule.protocol, 6);
    EXPECT_EQ(rule.not_protocol, 17);
    EXPECT_EQ(rule.name, "the rule");
    EXPECT_EQ(rule.place.text(), "p.yaml:14");
    EXPECT_EQ(rule.destination.ports, (std::vector<PortRange>{{443, 443}, {8000, 8100}, {80, 80}}));
    EXPECT_FALSE(rule.destination.selector);
    EXPECT_EQ(rule.source.service_accounts, std::vector<std::string>{"sa"});
    EXPECT_EQ(policy.rules[1].icmp->type, 8);
    EXPECT_EQ(policy.rules[3].protocol, 47);
    EXPECT_TRUE(reading.objects.tiers[0].pass_at_end);
}

TEST(PolicyObjects, JsonListsReadLikeYaml) {
    const PolicyReading reading = read(
        R"({"kind":"GlobalNetworkPolicyList","apiVersion":"projectcalico.org/v3","items":[
 {"metadata":{"name":"p"},"spec":{"egress":[
  {"action":"Allow","protocol":"TCP","destination":{"ports":[443,"1:0"]}}]}}]})"
    );
    ASSERT_EQ(reading.problems.size(), 1U);
    EXPECT_EQ(
        reading.problems[0].text(),
        "p.yaml:3:66: items[0].spec.egress[0].destination.ports[1]: \"1:0\": expected a port "
        "1-65535, a range \"lo:hi\" or a port name"
    );
}

TEST(PolicyObjects, C1Networks) {
    EXPECT_ACCEPTED("action: Allow, destination: {nets: [10.0.0.0/8, 0.0.0.0/0]}");
    EXPECT_REFUSED("action: Allow, destination: {nets: [10.0.0.1/8]}", "write 10.0.0.0/8");
    EXPECT_REFUSED("action: Allow, destination: {nets: [10.0.0.1]}", "is not a network");
    EXPECT_REFUSED("action: Allow, destination: {nets: [10.0.0.0/33]}", "is not a network");
    EXPECT_REFUSED("action: Allow, destination: {notNets: [0.0.0.0/0]}", "never matches");
    EXPECT_REFUSED("action: Allow, destination: {notNets: ['::/0']}", "never matches");
    EXPECT_REFUSED("action: Allow, destination: {nets: 10.0.0.0/8}", "expected a list");
    EXPECT_REFUSED(
        "action: Allow, source: {nets: [10.0.0.0/8]}, destination: {nets: ['fd00::/8']}",
        "IPv4 and IPv6 in one rule"
    );
    EXPECT_REFUSED(
        "action: Allow, ipVersion: 6, destination: {nets: [10.0.0.0/8]}", "IPv4 and IPv6"
    );
    std::string many = "action: Allow, destination: {nets: [";
    for (int i = 0; i < 257; ++i) {
        many += "10.0." + std::to_string(i % 256) + ".0/24,";
    }
    EXPECT_REFUSED(many + "]}", "more than 256");
}

TEST(PolicyObjects, C1PortsNeedAProtocol) {
    EXPECT_REFUSED("action: Allow, destination: {ports: [443]}", "ports need protocol");
    EXPECT_REFUSED("action: Allow, protocol: ICMP, destination: {ports: [443]}", "ports need");
    EXPECT_REFUSED("action: Allow, protocol: UDPLite, destination: {ports: [a]}", "ports need");
    EXPECT_ACCEPTED("action: Allow, protocol: SCTP, destination: {ports: [443]}");
    EXPECT_ACCEPTED("action: Allow, protocol: 17, destination: {notPorts: [443]}");
    EXPECT_ACCEPTED("action: Allow, destination: {ports: [https]}");
    for (const char* bad :
         {"0", "65536", "'1:70000'", "'2:1'", "-1", "1.5", "'a b'", "true", "{}"}) {
        EXPECT_REFUSED(
            "action: Allow, protocol: TCP, destination: {ports: [" + std::string(bad) + "]}",
            "expected a port"
        );
    }
}

TEST(PolicyObjects, C1ProtocolsActionsAndIcmp) {
    EXPECT_REFUSED("action: Allow, protocol: tcp", "expected TCP, UDP");
    EXPECT_REFUSED("action: Allow, protocol: 0", "not a whole number in 1-255");
    EXPECT_REFUSED("action: Allow, protocol: 256", "not a whole number in 1-255");
    EXPECT_REFUSED("action: allow", "expected Allow, Deny, Log or Pass");
    EXPECT_REFUSED("protocol: TCP", "expected Allow, Deny, Log or Pass");
    EXPECT_REFUSED("action: Allow, icmp: {type: 8}", "need protocol ICMP");
    EXPECT_REFUSED("action: Allow, protocol: ICMP, icmp: {type: 255}", "0-254");
    EXPECT_REFUSED("action: Allow, protocol: ICMP, icmp: {code: 1}", "code needs type");
    EXPECT_REFUSED("action: Allow, protocol: ICMP, ipVersion: 6", "contradict");
    EXPECT_REFUSED("action: Allow, protocol: ICMPv6, ipVersion: 4", "contradict");
    EXPECT_REFUSED("action: Allow, ipVersion: 5", "expected 4 or 6");
}

TEST(PolicyObjects, DomainsInAllowAndDenyOnly) {
    EXPECT_ACCEPTED("action: Allow, destination: {domains: [x.com, '*.x.com']}");
    EXPECT_ACCEPTED("action: Deny, destination: {domains: [x.com]}");
    EXPECT_REFUSED("action: Pass, destination: {domains: [x.com]}", "Allow or Deny");
    EXPECT_REFUSED("action: Log, destination: {domains: [x.com]}", "Allow or Deny");
    EXPECT_REFUSED(
        "action: Allow, destination: {domains: [x.com], nets: [10.0.0.0/8]}", "exclude nets"
    );
    EXPECT_REFUSED("action: Allow, destination: {domains: [x.*]}", "cannot be the last label");
    EXPECT_REFUSED("action: Allow, source: {domains: [x.com]}", "unknown field");
    EXPECT_FALSE(read(with_rule("action: Deny, destination: {domains: [x.com]}")).notes.empty());
}

TEST(PolicyObjects, SelectorProblemsHaveTheirColumn) {
    EXPECT_REFUSED(
        "action: Allow, destination: {selector: \"a == b\"}",
        "spec.egress[0].destination.selector: column 6: expected string"
    );
    EXPECT_REFUSED("action: Allow, destination: {selector: global()}", "global()");
    EXPECT_REFUSED(
        "action: Allow, destination: {namespaceSelector: \"global() || has(a)\"}", "stand alone"
    );
    EXPECT_ACCEPTED("action: Allow, destination: {namespaceSelector: global()}");
}

TEST(PolicyObjects, UnsupportedIsRefusedNeverIgnored) {
    EXPECT_REFUSED(
        "action: Allow, http: {methods: [GET]}", "http: is not supported by this version"
    );
    EXPECT_REFUSED(
        "action: Allow, destination: {services: {name: x, namespace: y}}",
        "services: is not supported by this version"
    );
    EXPECT_REFUSED(
        "action: Allow, source: {serviceAccounts: {selector: has(a)}}",
        "not supported by this version"
    );
    EXPECT_REFUSED("action: Allow, protocol: TCP, source: {ports: [http]}", "not supported");
    const auto spec = [](std::string_view field) {
        return problems_of(
            "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: {name: "
            "p}\nspec: {" +
            std::string(field) + "}\n"
        );
    };
    EXPECT_NE(spec("serviceAccountSelector: has(a)").find("not supported"), std::string::npos);
    EXPECT_NE(spec("preDNAT: true").find("not supported"), std::string::npos);
    EXPECT_NE(spec("doNotTrack: true").find("not supported"), std::string::npos);
    EXPECT_NE(spec("applyOnForward: true").find("not supported"), std::string::npos);
    EXPECT_EQ(spec("preDNAT: false, serviceAccountSelector: ''"), "");
    for (const char* kind :
         {"projectcalico.org/v3\nkind: NetworkPolicy",
          "networking.k8s.io/v1\nkind: NetworkPolicy",
          "projectcalico.org/v3\nkind: StagedGlobalNetworkPolicy",
          "projectcalico.org/v3\nkind: NetworkSet",
          "policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy"}) {
        EXPECT_NE(
            problems_of(std::string("apiVersion: ") + kind + "\nmetadata: {name: x}\n")
                .find("is not supported by this version"),
            std::string::npos
        ) << kind;
    }
    EXPECT_NE(
        problems_of("apiVersion: v1\nkind: ConfigMap\n").find("is not a policy object"),
        std::string::npos
    );
}

TEST(PolicyObjects, UnknownFieldsAreNamedWithTheNearest) {
    EXPECT_EQ(
        rule_problem("action: Allow, destinatoin: {}"),
        "p.yaml:5:17: spec.egress[0].destinatoin: unknown field, did you mean destination?\n"
    );
    EXPECT_EQ(
        problems_of(
            "apiVersion: projectcalico.org/v3\nkind: Tier\nmetadata: {name: t}\nspec:\n  ordr: 1\n"
        ),
        "p.yaml:5:3: spec.ordr: unknown field, did you mean order?\n"
    );
}

TEST(PolicyObjects, AllProblemsAtOnce) {
    const std::string text =
        problems_of(with_rule("action: x, protocol: y, destination: {nets: [z], ports: [0]}"));
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4) << text;
}

TEST(PolicyObjects, NamesAndFixedTiers) {
    const auto tier = [](std::string_view name, std::string_view spec) {
        return problems_of(
            "apiVersion: projectcalico.org/v3\nkind: Tier\nmetadata: {name: " + std::string(name) +
            "}\nspec: {" + std::string(spec) + "}\n"
        );
    };
    EXPECT_EQ(tier("default", "order: 1000000, defaultAction: Deny"), "");
    EXPECT_NE(tier("default", "order: 5").find("fixed by Calico"), std::string::npos);
    EXPECT_NE(tier("kube-admin", "order: 1000").find("defaultAction Pass"), std::string::npos);
    EXPECT_NE(tier("a.b", "order: 5").find("DNS label"), std::string::npos);
    EXPECT_NE(tier("t", "order: x").find("expected a number"), std::string::npos);
    EXPECT_NE(tier("t", "defaultAction: Allow").find("expected Deny or Pass"), std::string::npos);
    EXPECT_NE(
        problems_of(
            "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: {name: a.b.c}\n"
        )
            .find("expected \"name\""),
        std::string::npos
    );
    EXPECT_NE(
        problems_of("apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\n")
            .find("metadata.name: expected a name"),
        std::string::npos
    );
}

TEST(PolicyObjects, NamesGivenTwiceAreRefused) {
    const std::string tier =
        "---\napiVersion: projectcalico.org/v3\nkind: Tier\nmetadata: {name: t}\n";
    EXPECT_EQ(problems_of(tier + tier), "p.yaml:6:1: Tier t is also in p.yaml:2\n");
}

TEST(PolicyObjects, TypesDefaultAsInCalico) {
    const auto egress = [](std::string_view spec) {
        const PolicyReading reading = read(
            "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: {name: "
            "p}\nspec: {" +
            std::string(spec) + "}\n"
        );
        EXPECT_TRUE(reading.problems.empty()) << spec;
        return reading.objects.policies.at(0).egress;
    };
    EXPECT_FALSE(egress(""));
    EXPECT_FALSE(egress("ingress: [{action: Allow}]"));
    EXPECT_TRUE(egress("egress: [{action: Allow}]"));
    EXPECT_TRUE(egress("ingress: [{action: Allow}], egress: [{action: Allow}]"));
    EXPECT_FALSE(egress("types: [Ingress], egress: [{action: Allow}]"));
    EXPECT_TRUE(egress("types: [Egress]"));
    EXPECT_NE(
        problems_of("apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: {name: "
                    "p}\nspec: "
                    "{types: [Egress, Egress]}\n")
            .find("at most once"),
        std::string::npos
    );
}

TEST(PolicyObjects, IngressOnlyIsIgnoredWithANote) {
    const PolicyReading reading = read(
        "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: {name: p}\nspec: "
        "{ingress: [{action: Allow}]}\n"
    );
    EXPECT_TRUE(reading.problems.empty());
    ASSERT_EQ(reading.notes.size(), 1U);
    EXPECT_NE(reading.notes[0].message.find("no egress part"), std::string::npos);
}

TEST(PolicyObjects, SetsAcceptBareAddressesAndSkipBadOnes) {
    const PolicyReading reading = read(
        "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkSet\nmetadata: {name: s, labels: {a: "
        "b}}\n"
        "spec: {nets: [198.51.100.7, 10.1.2.3/8, nonsense, 'fd00::/8'], allowedEgressDomains: "
        "['*.x.com']}\n"
    );
    EXPECT_TRUE(reading.problems.empty());
    ASSERT_EQ(reading.objects.sets.at(0).nets.size(), 3U);
    EXPECT_EQ(reading.objects.sets[0].nets[1].text(), "10.0.0.0/8");
    ASSERT_EQ(reading.notes.size(), 1U);
    EXPECT_EQ(reading.notes[0].line, 4U);
    EXPECT_NE(
        problems_of(
            "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkSet\nmetadata: {name: s, labels: "
            "{projectcalico.org/namespace: x}}\n"
        )
            .find("Calico's own"),
        std::string::npos
    );
}

TEST(PolicyObjects, RulesThatCannotMatchAreNoted) {
    const auto note = [](std::string_view rule) {
        const PolicyReading reading = read(with_rule(rule));
        return reading.notes.empty() ? "" : reading.notes[0].message;
    };
    EXPECT_NE(
        note("action: Allow, destination: {selector: app == 'db'}").find("never matches"),
        std::string::npos
    );
    EXPECT_NE(
        note("action: Allow, destination: {ports: [https]}").find("never matches"),
        std::string::npos
    );
}

TEST(PolicyObjects, TooManyRulesAreRefused) {
    std::string text =
        "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: {name: p}\nspec: "
        "{egress: [";
    for (int i = 0; i < 1025; ++i) {
        text += "{action: Log},";
    }
    EXPECT_NE(problems_of(text + "]}\n").find("more than 1024 rules"), std::string::npos);
}

}  // namespace
}  // namespace sallyport::policy
