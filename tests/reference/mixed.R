# Reference numbers for tests/test_mixed.py and tests/test_mixed_hazard.py.
# Run with: Rscript tests/reference/mixed.R   (R's glmmTMB, lme4 and jsonlite)
# Writes the data sets cbpp.csv, ticks.csv and crossed.csv (caseload.csv is that of binomial.R) and mixed.json.
suppressMessages({library(glmmTMB); library(lme4); library(jsonlite)})
here <- "tests/reference"

# cbpp: one row per herd, period and outcome, with the number of animals as weight
cbpp <- lme4::cbpp
cbpp <- rbind(data.frame(cbpp[c("herd", "period")], y = 1L, animals = cbpp$incidence),
              data.frame(cbpp[c("herd", "period")], y = 0L, animals = cbpp$size - cbpp$incidence))
cbpp <- cbpp[cbpp$animals > 0, ]
cbpp <- cbpp[order(cbpp$herd, cbpp$period, cbpp$y), ]
cbpp$period <- paste0("p", cbpp$period)
write.csv(cbpp, file.path(here, "cbpp.csv"), row.names = FALSE)

# grouseticks: any tick on a chick; broods lie within locations
ticks <- with(lme4::grouseticks, data.frame(y = as.integer(TICKS > 0), height = (HEIGHT - 460) / 100,
  year = paste0("y", YEAR), brood = as.integer(BROOD), location = as.integer(LOCATION)))
write.csv(ticks, file.path(here, "ticks.csv"), row.names = FALSE)

# simulated: an outcome that recurs, clients crossed with caseworkers
set.seed(20)
n <- 2000
crossed <- data.frame(client = sample(120, n, TRUE), caseworker = sample(15, n, TRUE), x = round(rnorm(n), 2),
  sex = sample(c("female", "male"), n, TRUE), w = sample(3, n, TRUE), quarter = sample(8, n, TRUE))
eta <- -1 + 0.5 * crossed$x - 0.4 * (crossed$sex == "male") + rnorm(120, sd = 0.9)[crossed$client] +
  rnorm(15, sd = 0.5)[crossed$caseworker] + rnorm(8, sd = 0.4)[crossed$quarter]
crossed$y <- rbinom(n, 1, plogis(eta))
crossed$team <- (crossed$caseworker - 1) %/% 3 + 1
write.csv(crossed, file.path(here, "crossed.csv"), row.names = FALSE)
caseload <- read.csv(file.path(here, "caseload.csv"))

control <- glmmTMBControl(optCtrl = list(iter.max = 1e4, eval.max = 1e4, rel.tol = 1e-12), parallel = 1)
# second derivatives by differences of TMB's own gradient, to fourth order
curvature <- function(obj, at, step = 2e-3) {
  rows <- lapply(seq_along(at), function(j) {
    moved <- function(h) { to <- at; to[j] <- to[j] + h; as.vector(obj$gr(to)) }
    (8 * (moved(step) - moved(-step)) - (moved(2 * step) - moved(-2 * step))) / (12 * step)
  })
  found <- do.call(rbind, rows)
  (found + t(found)) / 2
}
by_tmb <- function(formula, data, link = "logit", weights = NULL) {
  data$case_weight <- if (is.null(weights)) rep(1, nrow(data)) else weights
  # nlminb calls a tolerance as tight as this "singular convergence"; the gradient is printed
  fit <- suppressWarnings(glmmTMB(formula, data, family = binomial(link), weights = case_weight, control = control))
  # from where nlminb stopped, Newton's method
  obj <- fit$obj; at <- obj$env$last.par.best[-obj$env$random]
  for (round in 1:5) at <- at - solve(curvature(obj, at), as.vector(obj$gr(at)))
  value <- -as.numeric(obj$fn(at)); all <- obj$env$last.par
  errors <- sqrt(diag(solve(curvature(obj, at))))
  fixed <- names(at) == "beta"
  groups <- names(ranef(fit)$cond); sizes <- sapply(ranef(fit)$cond, nrow)
  of <- rep(groups, sizes)
  # given the estimates: from the precision of the effects alone
  precision <- obj$env$spHess(all, random = TRUE)
  list(coef = unname(at[fixed]), std_error = unname(errors[fixed]), sd = unname(exp(at[!fixed])),
    log_sd_error = unname(errors[!fixed]), loglik = value, groups = groups, gradient = max(abs(obj$gr(at))),
    modes = split(unname(all[obj$env$random]), factor(of, groups)),
    mode_error = split(sqrt(diag(as.matrix(solve(precision)))), factor(of, groups)))
}
# profile likelihood of the log standard deviation: where twice the log-likelihood has fallen by qchisq(.95, 1)
profile_ends <- function(formula, data, weights) {
  data$case_weight <- weights
  fit <- suppressWarnings(glmmTMB(formula, data, family = binomial, weights = case_weight, control = control))
  obj <- fit$obj; best <- obj$env$last.par.best[-obj$env$random]; p <- length(best)
  held <- function(theta) nlminb(best[-p], function(b) obj$fn(c(b, theta)), function(b) obj$gr(c(b, theta))[-p],
    control = list(rel.tol = 1e-13))$objective
  top <- nlminb(best, obj$fn, obj$gr, control = list(rel.tol = 1e-14))
  fallen <- function(theta) 2 * (held(theta) - top$objective) - qchisq(0.95, 1)
  exp(c(uniroot(fallen, top$par[p] + c(-2, 0), tol = 1e-10)$root, uniroot(fallen, top$par[p] + c(0, 2), tol = 1e-10)$root))
}
tight <- glmerControl(optimizer = "bobyqa", optCtrl = list(rhobeg = 0.02, rhoend = 1e-9, maxfun = 1e5), tolPwrss = 1e-12,
  check.conv.grad = "ignore", check.conv.hess = "ignore")
by_glmer <- function(formula, data, link = "logit") {
  fit <- glmer(formula, data, binomial(link), nAGQ = 15, control = tight)
  # glmer's log-likelihood of a quadrature lacks the constant of a saturated model: 0 for rows of 0 and 1
  list(coef = unname(fixef(fit)), sd = sqrt(unname(unlist(VarCorr(fit)))), loglik = as.numeric(logLik(fit)))
}
rows <- cbpp[rep(seq_len(nrow(cbpp)), cbpp$animals), ]
cases <- list(
  cbpp = by_tmb(y ~ period + (1 | herd), cbpp, weights = cbpp$animals),
  ticks = by_tmb(y ~ height + year + (1 | brood) + (1 | location), ticks),
  crossed = by_tmb(y ~ x + sex + (1 | client) + (1 | caseworker), crossed),
  crossed_weights = by_tmb(y ~ x + sex + (1 | client) + (1 | caseworker), crossed, weights = crossed$w),
  three = by_tmb(y ~ x + sex + (1 | client) + (1 | caseworker) + (1 | quarter), crossed),
  hazard = by_tmb(y ~ factor(period) + belief + age + offset(log(exposure)) + (1 | group), caseload, "cloglog"),
  hazard_logit = by_tmb(y ~ factor(period) + belief + age + (1 | group), caseload),
  cbpp_agq = by_glmer(y ~ period + (1 | herd), rows),
  hazard_agq = by_glmer(y ~ factor(period) + belief + age + offset(log(exposure)) + (1 | group), caseload, "cloglog"))
cases$cbpp_profile <- profile_ends(y ~ period + (1 | herd), cbpp, cbpp$animals)
cases$versions <- paste(R.version.string, "glmmTMB", packageVersion("glmmTMB"), "lme4", packageVersion("lme4"))
write_json(cases, file.path(here, "mixed.json"), digits = NA, auto_unbox = TRUE)
