# Effects of caseworkers: glmmTMB's random intercepts of a discrete-time hazard with an offset, and the variance of gamma
# multipliers by MASS. Writes caseworkers.json with the rows. Run from the root of the tree.
suppressMessages({library(glmmTMB); library(MASS); library(jsonlite)})
set.seed(7)
clients <- 240
caseworker <- sample(sprintf("k%02d", 1:15), clients, replace = TRUE)
effect <- setNames(rnorm(15, 0, 0.9), sprintf("k%02d", 1:15))
age <- round(rnorm(clients, 40, 8))
rows <- do.call(rbind, lapply(seq_len(clients), function(i) {
  made <- NULL
  who <- caseworker[i]
  for (period in 0:4) {
    if (period == 2 && i %% 3 == 0) who <- sample(setdiff(names(effect), who), 1)
    hazard <- 1 - exp(-exp(-2.6 - 0.1 * period + 0.03 * (age[i] - 40) + effect[[who]]))
    event <- as.integer(runif(1) < hazard)
    made <- rbind(made, data.frame(client = i, caseworker = who, period = period, age = age[i],
                                   jobcentre = ifelse(i %% 2 == 0, "Faxe", "Viborg"), event = event,
                                   switched = as.integer(period >= 2 && i %% 3 == 0)))
    if (event == 1) break
  }
  made
}))
fit <- glmmTMB(event ~ factor(period) + age + switched + jobcentre + (1 | caseworker), data = rows,
               family = binomial(link = "cloglog"),
               control = glmmTMBControl(optCtrl = list(iter.max = 2000, eval.max = 2000, rel.tol = 1e-13)))
effects <- ranef(fit)$cond$caseworker
observed <- c(3, 0, 7, 1, 2, 12, 0, 4, 5, 1)
expected <- c(2.5, 1.5, 3.0, 2.0, 2.2, 5.0, 1.1, 4.4, 2.0, 2.3)
theta <- theta.ml(observed, expected, limit = 1000, eps = 1e-14)
write_json(list(rows = rows, names = rownames(effects), effects = effects[, 1],
                sd = attr(VarCorr(fit)$cond$caseworker, "stddev")[[1]],
                fixed = unname(fixef(fit)$cond), observed = observed, expected = expected, variance = 1 / theta[[1]]),
           "tests/reference/caseworkers.json", digits = NA, auto_unbox = TRUE, dataframe = "columns")
