# Reference numbers for tests/test_absorb.py and test_hazard_baseline.py: absorbed factors as dummies, spline baselines, weights, exits.
# Run with: Rscript tests/reference/binomial.R   (R's sandwich and splines packages)
# Writes caseload.csv (simulated: 20 groups, 8 periods) and binomial.json beside this file.
suppressMessages({library(sandwich); library(splines)})
here <- "tests/reference"
number <- function(x) sprintf("%.17g", as.numeric(x))
array <- function(x) paste0("[", paste(number(x), collapse = ","), "]")
field <- function(name, value) paste0("\"", name, "\":", value)
tight <- glm.control(epsilon = 1e-15, maxit = 200)

# More scoring steps from where glm stopped take the coefficients to machine precision.
quiet <- function(formula, family, data, ...) {
  once <- function(...) suppressWarnings(do.call(glm, list(formula, family = family, data = data, ...)))
  fit <- once(control = tight, ...)
  for (i in 1:3) fit <- once(start = coef(fit), control = glm.control(epsilon = 1e-300, maxit = 1), ...)
  fit
}

set.seed(7)
n <- 110                                             # persons, five rows each on average
rows <- 2 + rpois(n, 3)
person <- rep(seq_len(n), rows)
panel <- data.frame(
  client = person,
  group = (person * 7) %% 20 + 1,
  period = ave(person, person, FUN = seq_along) + rep(rpois(n, 0.7), rows),   # delayed entry
  sex = rep(sample(c("female", "male"), n, TRUE), rows),
  age = rep(sample(20:60, n, TRUE), rows)
)
panel <- panel[panel$period <= 8, ]
panel$belief <- sample(1:5, nrow(panel), TRUE)
panel$team <- (panel$group * 3 + panel$period) %% 6 + 1   # a factor that neither holds the others nor is held
eta <- -2.6 + 0.3 * panel$belief - 0.01 * panel$age + sin(panel$group) / 2 + panel$period / 10
panel$y <- rbinom(nrow(panel), 1, 1 - exp(-exp(eta))) * (panel$group != 5)   # group 5 never
panel$exit <- ifelse(panel$y == 0, "none", ifelse(runif(nrow(panel)) < 0.7, "job", "pension"))
panel$exposure <- ifelse(panel$y == 1, 1, sample(c(0.25, 0.5, 1, 1), nrow(panel), TRUE))
panel$w <- sample(c(0.5, 1, 2), nrow(panel), TRUE)
panel <- panel[rep(seq_len(nrow(panel)), 1 + (seq_len(nrow(panel)) %% 2)), ]   # some rows twice: weekly copies
panel$y[duplicated(panel)] <- 0
panel$exit[panel$y == 0] <- "none"
rownames(panel) <- NULL
write.csv(panel, file.path(here, "caseload.csv"), row.names = FALSE)

varying <- function(data, outcome, column) {
  rate <- ave(data[[outcome]], data[[column]])
  data[rate > 0 & rate < 1, ]
}
# two ways can give a negative variance: then there is no error to compare
two_way <- function(fit, chosen) {
  variances <- diag(vcovCL(fit, ~ group + team, cadjust = FALSE, type = "HC0"))[names(coef(fit))[chosen]]
  if (all(variances > 0)) field("two_way", array(sqrt(variances)))
}
# with weights that are no whole numbers logLik() rounds
loglik <- function(fit) sum(fit$prior.weights * log(ifelse(fit$y == 1, fitted(fit), 1 - fitted(fit))))
shown <- function(fit, keep) {
  chosen <- grep(keep, names(coef(fit)))
  one <- function(v) array(sqrt(diag(v))[names(coef(fit))[chosen]])
  # a level that others imply has no coefficient; the shown ones all have
  stopifnot(!anyNA(coef(fit)[chosen]))
  c(field("coef", array(coef(fit)[chosen])), field("std_error", one(vcov(fit))),
    field("cluster", one(vcovCL(fit, ~ group, cadjust = FALSE, type = "HC0"))),
    field("client", one(vcovCL(fit, ~ client, cadjust = FALSE, type = "HC0"))),
    two_way(fit, chosen),
    field("loglik", number(loglik(fit))), field("rows", number(nobs(fit))), field("rank", number(fit$rank)))
}
case <- function(name, fit, keep, ...) {
  paste0("{", paste(c(field("name", paste0("\"", name, "\"")), shown(fit, keep), ...), collapse = ","), "}")
}
slopes <- "belief|age|sex"
grouped <- varying(panel, "y", "group")
# the teams' dummies depend on the others: the columns that are left are of full rank
three <- model.matrix(~ belief + age + sex + factor(group) + factor(period) + factor(team), grouped)
grouped$D <- three[, qr(three)$pivot[seq_len(qr(three)$rank)]]
cases <- c(
  case("logit one", quiet(y ~ belief + age + sex + factor(group), binomial, grouped), slopes),
  case("logit two", quiet(y ~ belief + age + sex + factor(group) + factor(period), binomial, grouped), slopes),
  case("logit three", quiet(y ~ 0 + D, binomial, grouped), slopes),
  case("logit weights", quiet(y ~ belief + age + sex + factor(group), binomial, grouped, weights = grouped$w), slopes),
  case("cloglog one", quiet(y ~ factor(period) + belief + age + sex + factor(group), binomial("cloglog"), grouped), paste0(slopes, "|period")),
  case("cloglog exposure", quiet(y ~ factor(period) + belief + age + sex + factor(group) + offset(log(exposure)),
    binomial("cloglog"), grouped), paste0(slopes, "|period"))
)
# a natural spline with knots at the quantiles 0, 1/k, ..., 1 of the periods with events, each counted once
knots <- function(data, k) quantile(sort(unique(data$period[data$y == 1])), seq(0, 1, length.out = k + 1), names = FALSE)
smooth <- function(name, data, k, link, extra = "") {
  at <- knots(data, k)
  data$s <- ns(data$period, knots = at[-c(1, k + 1)], Boundary.knots = at[c(1, k + 1)])
  fit <- quiet(as.formula(paste("y ~ s + belief + age + sex", extra)), binomial(link), data)
  zero <- predict(ns(0, knots = at[-c(1, k + 1)], Boundary.knots = at[c(1, k + 1)]), sort(unique(data$period)))
  base <- cbind(1, zero) %*% coef(fit)[seq_len(k + 1)]
  case(name, fit, slopes, field("knots", array(at)), field("baseline", array(base)))
}
# periods 1 and 8 without events: the spline is linear beyond the knots
gaps <- panel
gaps$y[gaps$period %in% c(1, 8)] <- 0
cases <- c(cases,
  smooth("spline cloglog", panel, 3, "cloglog"),
  smooth("spline logit", panel, 2, "logit"),
  smooth("spline line", panel, 1, "cloglog"),
  smooth("spline gaps", gaps, 3, "cloglog"),
  smooth("spline absorbed", grouped, 3, "cloglog", "+ factor(group)")
)
# cause-specific exit with delayed entry
job <- transform(panel, y = as.integer(exit == "job"))
cases <- c(cases, case("exit job", quiet(y ~ factor(period) + belief + age + sex, binomial("cloglog"), job),
  paste0(slopes, "|period|Intercept")))
versions <- paste(R.version.string, "sandwich", packageVersion("sandwich"))
writeLines(paste0("{", field("versions", paste0("\"", versions, "\"")), ",\n", field("cases", paste0("[\n",
  paste(cases, collapse = ",\n"), "]")), "}"), file.path(here, "binomial.json"))
