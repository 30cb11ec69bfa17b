# Shared frailty by R's coxph(frailty()): Rscript tests/reference/frailty.R from the tree's root writes frailty.json,
# rats.csv and kidney.csv beside it. sparse = FALSE keeps the whole information; R's default beyond five groups takes
# their block for diagonal, which changes the errors, and the REML variance too (.413 for .425 on rats).
library(survival)
library(jsonlite)

here <- "tests/reference"
tight <- coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 200, outer.max = 200)
write.csv(rats, file.path(here, "rats.csv"), row.names = FALSE)
write.csv(kidney, file.path(here, "kidney.csv"), row.names = FALSE)
data <- list(
  rats = subset(rats, sex == "f"),
  kidney = kidney,
  cgd = cgd
)
cases <- list(
  list(name = "rats", data = "rats", group = "litter", surv = "Surv(time, status)", terms = "rx", theta = 0.5),
  list(name = "rats breslow", data = "rats", group = "litter", surv = "Surv(time, status)", terms = "rx", theta = 0.5,
       ties = "breslow"),
  list(name = "kidney", data = "kidney", group = "id", surv = "Surv(time, status)", terms = "age + sex + disease",
       theta = 0.4),
  list(name = "kidney sex", data = "kidney", group = "id", surv = "Surv(time, status)", terms = "age + sex",
       theta = 2),
  list(name = "cgd", data = "cgd", group = "id", surv = "Surv(tstart, tstop, status)",
       terms = "treat + age + height + weight", theta = 0.8),
  list(name = "cgd strata", data = "cgd", group = "id", surv = "Surv(tstart, tstop, status)",
       terms = "treat + age + height + weight", strata = "sex", theta = 0.8),
  list(name = "cgd center", data = "cgd", group = "center", surv = "Surv(tstart, tstop, status)",
       terms = "treat + age + height + weight", theta = 0.1)
)

fit <- function(case, frailty) {
  strata <- if (is.null(case$strata)) "" else sprintf(" + strata(%s)", case$strata)
  ties <- if (is.null(case$ties)) "efron" else case$ties
  text <- sprintf("%s ~ %s%s + frailty(%s, %s)", case$surv, case$terms, strata, case$group, frailty)
  coxph(as.formula(text), data[[case$data]], ties = ties, control = tight)
}

# Coefficients, log frailties and their penalised covariance at a given variance.
given <- function(case, distribution) {
  found <- fit(case, sprintf("distribution = '%s', theta = %.15g, sparse = FALSE", distribution, case$theta))
  own <- grepl("^(gamma|gauss):", names(found$coefficients))
  list(theta = case$theta, coef = unname(found$coefficients[!own]), effects = unname(found$coefficients[own]),
       levels = sub("^[a-z]+:", "", names(found$coefficients)[own]), var = found$var[!own, !own, drop = FALSE],
       effects_std_error = sqrt(diag(found$var)[own]), penalised = found$loglik[2] - found$penalty[2],
       integrated = if (distribution == "gamma") found$history[[1]]$c.loglik)
}

# The variance as R finds it. The gamma search stops on the log-likelihood, flat at its top; a variance near zero
# makes R's penalty overflow its digits, which it warns of.
found <- function(case, distribution, method, eps) {
  search <- suppressWarnings(fit(case, sprintf("distribution = '%s', method = '%s', eps = %g, sparse = FALSE",
    distribution, method, eps)))
  theta <- search$history[[1]]$theta
  if (theta < 1e-6) list(theta = theta) else given(modifyList(case, list(theta = theta)), distribution)
}

plain <- function(case) {
  strata <- if (is.null(case$strata)) "" else sprintf(" + strata(%s)", case$strata)
  ties <- if (is.null(case$ties)) "efron" else case$ties
  coxph(as.formula(sprintf("%s ~ %s%s", case$surv, case$terms, strata)), data[[case$data]], ties = ties,
    control = tight)$loglik[2]
}

answers <- lapply(cases, function(case) c(
  case[setdiff(names(case), c("surv", "theta"))],
  list(plain = plain(case), gamma = found(case, "gamma", "em", 1e-10), gamma_given = given(case, "gamma"),
       lognormal = found(case, "gaussian", "reml", 1e-8), lognormal_given = given(case, "gaussian"))))
write_json(list(survival = as.character(packageVersion("survival")), cases = answers),
           file.path(here, "frailty.json"), digits = NA, auto_unbox = TRUE, pretty = TRUE)
